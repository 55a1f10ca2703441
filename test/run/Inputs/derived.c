/* Predictions of two libraries of one model, the second compiled without derived variables, after everything that
 * changes variables: each must be the same in both but for the order of sums, and another one than before. Prints "all
 * right".
 *
 *   ./derived ./derived.so ./plain.so file.safetensors */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nnc_abi.h"

enum { kRows = 3, kIn = 6, kOut = 3 };

typedef struct {
  const nnc_api* api;
  nnc_context* ctx;
  uint32_t predict, learn;
} host;

static float x[kRows * kIn];

static host open_model(const char* file) {
  host h = {0};
  void* library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  const nnc_api* (*api)(void) = library ? (const nnc_api* (*)(void))dlsym(library, "derived_api") : 0;
  if (!api) return h;
  h.api = api();
  if (h.api->create(&h.ctx, 3, 1)) h.api = 0;
  for (uint32_t i = 0; h.api && i < h.api->model->entries; i++) {
    if (!strcmp(h.api->model->entry[i].name, "predict")) h.predict = i;
    if (!strcmp(h.api->model->entry[i].name, "learn")) h.learn = i;
  }
  return h;
}

static void run(host* h, uint32_t entry, float* out) {
  const int64_t rows = kRows;
  const void* in[] = {x};
  void* results[] = {out};
  if (h->api->run(h->ctx, entry, &rows, in, results)) printf("%s\n", h->api->error(h->ctx));
}

static int failures;

/* A prediction of each; `changed`: it must differ from the last one. */
static void compare(host* h, const char* after, int changed) {
  static float last[kRows * kOut];
  float y[2][kRows * kOut];
  for (int i = 0; i < 2; i++) run(&h[i], h[i].predict, y[i]);
  for (int i = 0; i < kRows * kOut; i++)
    if (!(fabsf(y[0][i] - y[1][i]) < 1e-5f)) printf("after %s: %g and %g\n", after, y[0][i], y[1][i]), failures++;
  if (!memcmp(y[0], last, sizeof last) != !changed) printf("after %s: changed %d\n", after, !changed), failures++;
  memcpy(last, y[0], sizeof last);
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  static char store[2][1 << 16];
  host h[2] = {open_model(argv[1]), open_model(argv[2])};
  if (!h[0].api || !h[1].api) return 1;
  for (int i = 0; i < kRows * kIn; i++) x[i] = (float)(i % 7) / 7 - 0.4f;
  compare(h, "create", 1);
  compare(h, "nothing", 0);
  float loss;
  for (int i = 0; i < 2; i++) run(&h[i], h[i].learn, &loss);
  compare(h, "learning", 1);
  for (int i = 0; i < 2; i++) h[i].api->save(h[i].ctx, argv[3]), h[i].api->get_store(h[i].ctx, store[i]);
  compare(h, "saving", 0);
  const nnc_variable* v = &h[0].api->model->variable[0];
  float values[kIn * 5];
  for (int i = 0; i < kIn * 5; i++) values[i] = (float)(i % 5) - 2;
  for (int i = 0; i < 2; i++)
    if (h[i].api->set_tensor(h[i].ctx, v->path, values, sizeof values)) printf("%s\n", h[i].api->error(h[i].ctx));
  compare(h, "setting a tensor", 1);
  for (int i = 0; i < 2; i++) h[i].api->load(h[i].ctx, argv[3]);
  compare(h, "loading", 1);
  for (int i = 0; i < 2; i++) h[i].api->init(h[i].ctx, 5);
  compare(h, "starting again", 1);
  for (int i = 0; i < 2; i++) h[i].api->set_store(h[i].ctx, store[i]);
  compare(h, "taking a snapshot back", 1);
  for (uint32_t i = 0; i < h[0].api->model->variables; i++)
    if (strstr(h[0].api->model->variable[i].path, "derived")) printf("a host sees derived variables\n"), failures++;
  if (h[0].api->model->store_bytes <= h[1].api->model->store_bytes) printf("nothing is derived\n"), failures++;
  if (!failures) printf("all right\n");
  return failures != 0;
}
