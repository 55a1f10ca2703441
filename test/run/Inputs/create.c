/* Ends with the code of create. */
#include "fashion_mlp.h"

int main(void) {
  nnc_context* net;
  int code = fashion_mlp_create(&net, 1, 1);
  if (code == FASHION_MLP_OK) fashion_mlp_destroy(net);
  return code;
}
