/* Two models linked statically into one program: neither sees the other's names. */
#include <stdio.h>

#include "fashion_cnn.h"
#include "fashion_mlp.h"

int main(void) {
  static uint8_t image[28 * 28];
  float p[10], q[10];
  nnc_context *cnn, *mlp;
  if (fashion_cnn_create(&cnn, 1, 1) || fashion_mlp_create(&mlp, 1, 1)) return 1;
  if (fashion_cnn_classify(cnn, 1, image, p) || fashion_mlp_classify(mlp, 1, image, q)) return 1;
  float sum_p = 0, sum_q = 0;
  for (int i = 0; i < 10; i++) sum_p += p[i], sum_q += q[i];
  printf("%.3f %.3f\n", sum_p, sum_q);
  fashion_cnn_destroy(cnn);
  fashion_mlp_destroy(mlp);
  return 0;
}
