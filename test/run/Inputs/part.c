/* A device: it has a library of a part of a network, takes the weights of the whole, tunes the head on what it sees and
 * keeps that over a restart. Every refusal says its own reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "part.h"
#include "whole.h"

#define CHECK(c)                                              \
  do {                                                        \
    if (!(c)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #c); \
      exit(1);                                                \
    }                                                         \
  } while (0)

static const float kX[6] = {1, -1, 2, 0, 3, -2}, kY[4] = {1, 0, 0, 1};

static nnc_context* make(const char* weights, int seed) {
  nnc_context* part;
  CHECK(part_create(&part, seed, 1) == PART_OK);
  CHECK(part_load(part, weights) == PART_OK);
  return part;
}

static float tuned(nnc_context* part, int steps) {
  const float lr = 0.05f;
  float loss = 0;
  for (int i = 0; i < steps; i++) CHECK(part_tune(part, 2, kX, kY, &lr, &loss) == PART_OK);
  return loss;
}

/* Each failure is told by the text of its own, not by that of the one before. */
static void refusals(nnc_context* part) {
  float p[4];
  double value;
#define REFUSED(call, code, text) CHECK((call) == PART_ERR_##code && strstr(part_error(part), text))
  REFUSED(part_f(part, 9, kX, p), RANGE, "B is 9, allowed are 0 to 8");
  REFUSED(part_load(part, 0), ARGUMENT, "the file to read: a null pointer");
  REFUSED(part_save(part, 0), ARGUMENT, "the file to write: a null pointer");
  REFUSED(part_get_tensor(part, 0, p, 4), ARGUMENT, "a null pointer");
  REFUSED(part_set_tensor(part, "net.head.w", 0, 32), ARGUMENT, "net.head.w: a null pointer");
  REFUSED(part_get_scalar(part, "seed", 0), ARGUMENT, "get_scalar: a null pointer");
  REFUSED(part_get_scalar(part, "lr", &value), ARGUMENT, "there is no scalar lr");
  REFUSED(part_set_scalar(part, 0, 1), ARGUMENT, "set_scalar: a null pointer");
  REFUSED(part_encode(part, 0, "a", 1, 0, 0, 0), ARGUMENT, "a null pointer");
  REFUSED(part_load(part, "/nonexistent"), IO, "/nonexistent: no such file or folder");
  REFUSED(part_load(part, "/tmp"), IO, "/tmp: is a folder");
  REFUSED(part_load(part, "/proc/self/exe"), FORMAT, "no safetensors file");
  REFUSED(part_save(part, "/nonexistent/w"), IO, "/nonexistent/w: no such file or folder");
}

/* Nothing of a file that is refused is taken. */
static void checkpoint_refusals(nnc_context* part, const char* weights, const char* checkpoint) {
  float k;
  char data[1 << 12], cut[512];
  FILE* f = fopen(checkpoint, "rb");
  CHECK(f);
  size_t bytes = fread(data, 1, sizeof data, f);
  fclose(f);
  CHECK(snprintf(cut, sizeof cut, "%s.cut", checkpoint) < (int)sizeof cut && (f = fopen(cut, "wb")));
  CHECK(bytes < sizeof data && fwrite(data, 1, bytes - 1, f) == bytes - 1 && fclose(f) == 0);
  REFUSED(part_load_checkpoint(part, 0), ARGUMENT, "the file to read: a null pointer");
  REFUSED(part_save_checkpoint(part, 0), ARGUMENT, "the file to write: a null pointer");
  REFUSED(part_load_checkpoint(part, weights), FORMAT, " lacks tune.adam");
  REFUSED(part_load_checkpoint(part, cut), FORMAT, "lies outside the file");
  REFUSED(part_save_checkpoint(part, "/nonexistent/w"), IO, "/nonexistent/w: no such file or folder");
  CHECK(part_get_tensor(part, "tune.adam.k", &k, sizeof k) == PART_OK && k == 0);
}

static void in_order(void* host, int64_t n, void (*body)(void*, int64_t), void* data) {
  ++*(int*)host;
  for (int64_t i = 0; i < n; i++) body(data, i);
}

/* Threads are woken for what can be cut at the sizes of the call, not for what could be at the largest. */
static void one_row_wakes_nobody(nnc_context* part) {
  static float x[PART_WAVE_X_ELEMENTS], y[PART_WAVE_X_ELEMENTS];
  int calls = 0;
  CHECK(part_set_executor(part, in_order, &calls, 4) == PART_OK);
  CHECK(part_wave(part, 1, x, y) == PART_OK && calls == 0);
  CHECK(part_wave(part, PART_WAVE_B_MAX, x, y) == PART_OK && calls > 0);
  CHECK(part_set_executor(part, 0, 0, 0) == PART_OK && part_set_threads(part, 1) == PART_OK);
}

int main(int argc, char** argv) {
  CHECK(argc == 3);
  nnc_context* whole;
  CHECK(whole_create(&whole, 3, 1) == WHOLE_OK);
  CHECK(whole_save(whole, argv[1]) == WHOLE_OK);

  nnc_context* part = make(argv[1], 1);
  float w[8], v[8], head[8];
  CHECK(whole_get_tensor(whole, "net.head.w", w, sizeof w) == WHOLE_OK);
  CHECK(part_get_tensor(part, "net.head.w", v, sizeof v) == PART_OK && memcmp(v, w, sizeof w) == 0);
  refusals(part);
  one_row_wakes_nobody(part);
  CHECK(part_get_tensor(part, "net.head.w", v, sizeof v) == PART_OK && memcmp(v, w, sizeof w) == 0);

  /* What an export assigns stays, and nothing else changes. */
  float first = tuned(part, 1);
  CHECK(tuned(part, 100) < first / 2);
  float body[12], old[12];
  CHECK(part_get_tensor(part, "net.body.w", body, sizeof body) == PART_OK);
  CHECK(whole_get_tensor(whole, "net.body.w", old, sizeof old) == WHOLE_OK && memcmp(body, old, sizeof old) == 0);

  /* Over no rows there is nothing to learn; a mean of them, which would be NaN, is not assigned. */
  const float lr = 0.05f;
  REFUSED(part_tune(part, 0, 0, 0, &lr, 0), RANGE, "tune: needs 1 <= B");
  CHECK(part_f(part, 0, 0, 0) == PART_OK && part_stream(part, 0, 0, 0) == PART_OK);
  CHECK(whole_fit_step(whole, 0, 0, 0, 0) == WHOLE_ERR_RANGE);
  CHECK(strcmp(whole_error(whole), "fit.step: needs 1 <= batch") == 0);
  CHECK(whole_fit_eval(whole, 0, 0, 0, 0) == WHOLE_ERR_RANGE);
  CHECK(whole_get_tensor(whole, "net.body.w", body, sizeof body) == WHOLE_OK && memcmp(body, old, sizeof old) == 0);

  /* Saved are the weights, not the optimizer. */
  float steps = 0;
  CHECK(part_get_tensor(part, "tune.adam.k", &steps, sizeof steps) == PART_OK && steps == 101);
  CHECK(part_save(part, argv[2]) == PART_OK);
  nnc_context* again = make(argv[2], 2);
  CHECK(part_get_tensor(again, "tune.adam.k", &steps, sizeof steps) == PART_OK && steps == 0);
  CHECK(part_get_tensor(part, "net.head.w", v, sizeof v) == PART_OK);
  CHECK(part_get_tensor(again, "net.head.w", head, sizeof head) == PART_OK && memcmp(v, head, sizeof v) == 0);
  CHECK(part_clear(again) == PART_OK);
  CHECK(part_get_tensor(again, "net.head.w", head, sizeof head) == PART_OK);
  for (int i = 0; i < 8; i++) CHECK(head[i] == 0);

  /* A checkpoint has the optimizer, too: both go on alike. */
  char checkpoint[512];
  CHECK(snprintf(checkpoint, sizeof checkpoint, "%s.checkpoint", argv[2]) < (int)sizeof checkpoint);
  CHECK(part_save_checkpoint(part, checkpoint) == PART_OK);
  checkpoint_refusals(again, argv[1], checkpoint);
  CHECK(part_load_checkpoint(again, checkpoint) == PART_OK);
  CHECK(part_get_tensor(again, "tune.adam.k", &steps, sizeof steps) == PART_OK && steps == 101);
  float one = tuned(part, 3), other = tuned(again, 3);
  CHECK(memcmp(&one, &other, sizeof one) == 0);
  CHECK(part_load(again, checkpoint) == PART_OK); /* its weights alone */
  part_destroy(part);
  part_destroy(again);
  whole_destroy(whole);
  puts("all right");
  return 0;
}
