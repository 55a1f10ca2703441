/* Trains a few steps with the kernels of each target this CPU can run, and prints a hash of the parameters and of a
 * prediction. The first line names the target that `create` takes by itself.
 *
 *   cc -I <folder of fashion_mlp.h> -I runtime/core targets.c fashion_mlp.so */
#include <stdio.h>
#include <stdlib.h>

#include "nnc_abi.h"

#include "fashion_mlp.h"

enum { kRows = 8, kPixels = 28 * 28, kSteps = 3 };

static uint64_t hash(const void* data, size_t bytes, uint64_t h) {
  for (size_t i = 0; i < bytes; i++) h = (h ^ ((const uint8_t*)data)[i]) * 1099511628211u;
  return h;
}

static int train(nnc_context* net, uint64_t* out) {
  static uint8_t image[kRows * kPixels];
  uint8_t label[kRows];
  float loss, p[kRows * 10];
  double accuracy;
  for (int i = 0; i < kRows * kPixels; i++) image[i] = (uint8_t)(i * 2654435761u >> 24);
  for (int i = 0; i < kRows; i++) label[i] = (uint8_t)(i % 10);
  const nnc_api* api = fashion_mlp_api();
  *out = 14695981039346656037u;
  for (int s = 0; s < kSteps; s++) {
    fashion_mlp_set_scalar(net, "step", s);
    int code = fashion_mlp_fit_step(net, kRows, image, label, &loss, &accuracy);
    if (code) return code;
    *out = hash(&loss, sizeof loss, *out);
  }
  int code = fashion_mlp_classify(net, kRows, image, p);
  *out = hash(p, sizeof p, *out);
  void* store = malloc(api->model->store_bytes);
  api->get_store(net, store);
  *out = hash(store, api->model->store_bytes, *out);
  free(store);
  return code;
}

int main(void) {
  const nnc_api* api = fashion_mlp_api();
  nnc_context* net;
  int code = api->create(&net, 1, 2);
  printf("default: %s\n", code ? "none" : api->target(net)->name);
  if (code) return code;
  api->destroy(net);
  for (uint32_t t = 0; t < api->model->targets; t++) {
    uint64_t h;
    const char* name = api->model->target[t].name;
    code = api->create_on(&net, name, 1, 2);
    if (code) {
      printf("%s: code %d\n", name, code);
      continue;
    }
    code = train(net, &h);
    printf("%s: %s %016llx\n", name, code ? api->error(net) : "ok", (unsigned long long)h);
    api->destroy(net);
  }
  return api->create_on(&net, "pentium", 1, 1) == NNC_ERR_ARGUMENT ? 0 : 1;
}
