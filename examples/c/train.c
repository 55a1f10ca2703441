/* Trains from C: steps of the compiled model on the training images, starting from the weights in the library (or from
 * its initialisers), then saves them as safetensors.
 *
 *   cc -I build examples/c/train.c build/fashion_cnn.so -lz -o train
 *   ./train /usr/share/datasets/fashion-mnist STEPS tuned.safetensors */
#include "fashion_cnn.h"
#include "idx.h"

enum { kPixels = 28 * 28, kBatch = 128 };

int main(int argc, char** argv) {
  const char* folder = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
  long steps = argc > 2 ? atol(argv[2]) : 100;
  int64_t images, labels;
  uint8_t* image = read_idx(folder, "train-images-idx3-ubyte.gz", 16, kPixels, &images);
  uint8_t* label = read_idx(folder, "train-labels-idx1-ubyte.gz", 8, 1, &labels);

  nnc_context* net;
  if (fashion_cnn_create(&net, 1, 0) != FASHION_CNN_OK) {
    fprintf(stderr, "the model cannot be set up\n");
    return 1;
  }
  fashion_cnn_set_scalar(net, "steps", (double)steps);
  for (long step = 1; step <= steps; step++) {
    int64_t at = (step - 1) * kBatch % (images - kBatch);
    float loss;
    double accuracy; /* a metric over the pass is kept in double precision */
    fashion_cnn_set_scalar(net, "step", (double)(step - 1));
    if (fashion_cnn_fit_step(net, kBatch, image + at * kPixels, label + at, &loss, &accuracy) != FASHION_CNN_OK) {
      fprintf(stderr, "%s\n", fashion_cnn_error(net));
      return 1;
    }
    if (step % 20 == 0 || step == steps) printf("step %ld: loss %.4f, accuracy %.3f\n", step, loss, accuracy);
  }
  if (argc > 3 && fashion_cnn_save(net, argv[3]) != FASHION_CNN_OK) {
    fprintf(stderr, "%s\n", fashion_cnn_error(net));
    return 3;
  }
  fashion_cnn_destroy(net);
  free(image);
  free(label);
  return 0;
}
