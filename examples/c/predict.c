/* Classifies the test images of Fashion-MNIST with the compiled model and prints what it saw.
 *
 *   cc -I build examples/c/predict.c build/fashion_cnn.so -lz -o predict
 *   ./predict /usr/share/datasets/fashion-mnist */
#include <string.h>

#include "fashion_cnn.h"
#include "idx.h"

enum { kPixels = 28 * 28, kClasses = 10, kBatch = 1000 };

static const char* const kNames[kClasses] = {"T-shirt", "trousers", "pullover", "dress", "coat",
                                             "sandal",  "shirt",    "sneaker",  "bag",   "boot"};

static int best_of(const float* p) {
  int best = 0;
  for (int i = 1; i < kClasses; i++)
    if (p[i] > p[best]) best = i;
  return best;
}

static void draw(const uint8_t* image) {
  for (int y = 0; y < 28; y += 2) {
    for (int x = 0; x < 28; x++) putchar(" .:-=+*#%@"[image[y * 28 + x] * 10 / 256]);
    putchar('\n');
  }
}

int main(int argc, char** argv) {
  const char* folder = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
  int64_t images, labels;
  uint8_t* image = read_idx(folder, "t10k-images-idx3-ubyte.gz", 16, kPixels, &images);
  uint8_t* label = read_idx(folder, "t10k-labels-idx1-ubyte.gz", 8, 1, &labels);

  nnc_context* net;
  if (fashion_cnn_create(&net, 1, 0) != FASHION_CNN_OK) {
    fprintf(stderr, "the model cannot be set up\n");
    return 1;
  }
  static float p[kBatch * kClasses];
  int64_t right = 0;
  for (int64_t at = 0; at < images; at += kBatch) {
    int64_t rows = images - at < kBatch ? images - at : kBatch;
    if (fashion_cnn_classify(net, rows, image + at * kPixels, p) != FASHION_CNN_OK) {
      fprintf(stderr, "%s\n", fashion_cnn_error(net));
      return 1;
    }
    for (int64_t i = 0; i < rows; i++) {
      int saw = best_of(p + i * kClasses);
      right += saw == label[at + i];
      if (at + i >= 3) continue;
      draw(image + i * kPixels);
      printf("I see: %s (%.1f %%); it is: %s\n\n", kNames[saw], 100 * p[i * kClasses + saw], kNames[label[i]]);
    }
  }
  printf("%lld of %lld test images right: %.2f %%\n", (long long)right, (long long)images,
         100.0 * (double)right / (double)images);
  fashion_cnn_destroy(net);
  free(image);
  free(label);
  return 0;
}
