/* What a host may do with a compiled model, each checked. Ends with the first failure; prints "all right".
 *
 *   cc -I <folder of fashion_mlp.h> -I runtime/core host.c fashion_mlp.so -ldl -lpthread -o host; ./host
 * ./fashion_mlp.so */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xmmintrin.h>

#include "nnc_abi.h"

#include "fashion_mlp.h"

enum { kRows = FASHION_MLP_FIT_STEP_BATCH_MAX, kPixels = 28 * 28, kClasses = 10, kSteps = 20 };

#define CHECK(condition) ((condition) ? (void)0 : fail(#condition, __LINE__))

static void fail(const char* what, int line) {
  fprintf(stderr, "line %d: %s\n", line, what);
  _exit(1);
}

/* ---- every allocation of the process is counted ---- */

static volatile long allocations;
extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
void* malloc(size_t n) {
  __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
  return __libc_malloc(n);
}
void* calloc(size_t n, size_t each) {
  __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
  return __libc_calloc(n, each);
}
void* realloc(void* at, size_t n) {
  __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
  return __libc_realloc(at, n);
}

/* Kilobytes of address space, so that a step that maps memory is seen too. */
static long mapped(void) {
  char line[64] = "";
  FILE* f = fopen("/proc/self/statm", "r");
  CHECK(f && fgets(line, sizeof line, f));
  fclose(f);
  return atol(line) * 4;
}

/* ---- data and a run of steps ---- */

static uint8_t image[kRows * kPixels], label[kRows];

typedef struct result {
  float loss, p[kRows * kClasses];
} result;

static void train(nnc_context* net, result* r) {
  double accuracy;
  for (int s = 0; s < kSteps; s++) {
    CHECK(fashion_mlp_set_scalar(net, "step", s) == FASHION_MLP_OK);
    CHECK(fashion_mlp_fit_step(net, kRows, image, label, &r->loss, &accuracy) == FASHION_MLP_OK);
  }
  CHECK(fashion_mlp_classify(net, kRows, image, r->p) == FASHION_MLP_OK);
}

static result expected;

static void expect_same(const result* r) {
  CHECK(memcmp(r, &expected, sizeof *r) == 0);
}

static nnc_context* make(int threads) {
  nnc_context* net;
  CHECK(fashion_mlp_create(&net, 7, threads) == FASHION_MLP_OK);
  return net;
}

static void* train_in_thread(void* out) {
  nnc_context* net = make(2);
  train(net, out);
  fashion_mlp_destroy(net);
  return 0;
}

/* ---- the checks ---- */

static void contexts_on_two_threads(void) {
  static result a, b;
  pthread_t one, two;
  CHECK(pthread_create(&one, 0, train_in_thread, &a) == 0 && pthread_create(&two, 0, train_in_thread, &b) == 0);
  pthread_join(one, 0);
  pthread_join(two, 0);
  expect_same(&a);
  expect_same(&b);
}

static void steps_allocate_nothing(void) {
  static result r;
  nnc_context* net = make(2);
  CHECK(fashion_mlp_classify(net, 1, image, r.p) == FASHION_MLP_OK); /* starts the threads */
  long memory = mapped(), before = allocations;
  train(net, &r);
  CHECK(allocations == before);
  CHECK(mapped() == memory);
  fashion_mlp_destroy(net);
  expect_same(&r);
}

/* In a child that any system call but read, write and exit would kill. */
static void one_thread_makes_no_system_call(void) {
  static result r;
  nnc_context* net = make(1);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) _exit(2);
    train(net, &r);
    syscall(SYS_exit, memcmp(&r, &expected, sizeof r) != 0);
  }
  int status = 1;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  fashion_mlp_destroy(net);
}

/* A pool of the host's: one thread after the other, from the last. */
static void backwards(void* host, int64_t n, void (*body)(void*, int64_t), void* data) {
  ++*(int*)host;
  for (int64_t i = n; i-- > 0;) body(data, i);
}

static void executor_of_the_host(void) {
  static result r;
  int calls = 0;
  nnc_context* net = make(1);
  CHECK(fashion_mlp_set_executor(net, backwards, &calls, 5) == FASHION_MLP_OK);
  train(net, &r);
  CHECK(calls > 0);
  expect_same(&r);
  int so_far = calls;
  CHECK(fashion_mlp_set_executor(net, 0, 0, 0) == FASHION_MLP_OK); /* back to the pool inside */
  CHECK(fashion_mlp_classify(net, kRows, image, r.p) == FASHION_MLP_OK);
  CHECK(calls == so_far);
  fashion_mlp_destroy(net);
  expect_same(&r);
}

/* A child of fork has none of its parent's threads: the context starts its own, in both. */
static void fork_with_live_threads(void) {
  static result r;
  nnc_context* net = make(3);
  CHECK(fashion_mlp_classify(net, kRows, image, r.p) == FASHION_MLP_OK);
  pid_t child = fork();
  CHECK(child >= 0);
  train(net, &r);
  expect_same(&r);
  fashion_mlp_destroy(net);
  if (child == 0) _exit(0);
  int status = 1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void floating_point_mode_is_restored(void) {
  nnc_context* net = make(2);
  const unsigned odd = (_mm_getcsr() & ~0x603fu) | 0x4002u; /* round upwards, a flag raised */
  unsigned saved = _mm_getcsr();
  static float p[kRows * kClasses];
  _mm_setcsr(odd);
  int good = fashion_mlp_classify(net, kRows, image, p);
  unsigned after_success = _mm_getcsr();
  int bad = fashion_mlp_classify(net, -1, image, p);
  unsigned after_failure = _mm_getcsr();
  _mm_setcsr(saved);
  CHECK(good == FASHION_MLP_OK && bad == FASHION_MLP_ERR_RANGE);
  CHECK(after_success == odd && after_failure == odd);
  fashion_mlp_destroy(net);
}

/* A step without wanted results trains as one with them. */
static void unwanted_results(void) {
  static result r;
  nnc_context* net = make(2);
  for (int s = 0; s < kSteps; s++) {
    CHECK(fashion_mlp_set_scalar(net, "step", s) == FASHION_MLP_OK);
    CHECK(fashion_mlp_fit_step(net, kRows, image, label, s + 1 == kSteps ? &r.loss : 0, 0) == FASHION_MLP_OK);
  }
  CHECK(fashion_mlp_classify(net, kRows, image, r.p) == FASHION_MLP_OK);
  expect_same(&r);
  fashion_mlp_destroy(net);
}

static void wrong_calls(void) {
  static float p[kRows * kClasses];
  static float w[784 * 256];
  double value;
  nnc_context* net = make(1);
  CHECK(fashion_mlp_create(0, 1, 1) == FASHION_MLP_ERR_ARGUMENT);
  CHECK(fashion_mlp_classify(0, 1, image, p) == FASHION_MLP_ERR_ARGUMENT);
  CHECK(fashion_mlp_classify(net, 1, 0, p) == FASHION_MLP_ERR_ARGUMENT);
  CHECK(strstr(fashion_mlp_error(net), "image"));
  CHECK(fashion_mlp_classify(net, 0, 0, 0) == FASHION_MLP_OK); /* no rows: no data */
  CHECK(fashion_mlp_classify(net, FASHION_MLP_CLASSIFY_B_MAX + 1, image, p) == FASHION_MLP_ERR_RANGE);
  label[3] = kClasses;
  CHECK(fashion_mlp_fit_step(net, kRows, image, label, p, 0) == FASHION_MLP_ERR_RANGE);
  CHECK(strstr(fashion_mlp_error(net), "10 at element 3"));
  label[3] = 3;
  CHECK(fashion_mlp_set_scalar(net, "step", 0.5) == FASHION_MLP_ERR_RANGE);
  CHECK(fashion_mlp_set_scalar(net, "step", 1e30) == FASHION_MLP_ERR_RANGE);
  CHECK(fashion_mlp_set_scalar(net, "nothing", 1) == FASHION_MLP_ERR_ARGUMENT);
  CHECK(fashion_mlp_get_scalar(net, "lr", &value) == FASHION_MLP_OK && (float)value == 1e-3f);
  CHECK(fashion_mlp_get_tensor(net, "net.h1.w", w, sizeof w) == FASHION_MLP_OK);
  CHECK(fashion_mlp_get_tensor(net, "net.h1.w", w, sizeof w - 4) == FASHION_MLP_ERR_ARGUMENT);
  CHECK(fashion_mlp_set_tensor(net, "net.nothing", w, sizeof w) == FASHION_MLP_ERR_ARGUMENT);
  CHECK(fashion_mlp_load(net, "/nonexistent") == FASHION_MLP_ERR_IO);
  CHECK(fashion_mlp_load(net, "/proc/self/exe") == FASHION_MLP_ERR_FORMAT);
  CHECK(fashion_mlp_save(net, "/nonexistent/weights") == FASHION_MLP_ERR_IO);
  fashion_mlp_destroy(net);
  fashion_mlp_destroy(0);
}

static void context_in_memory_of_the_host(void) {
  static result r;
  const nnc_api* api = fashion_mlp_api();
  uint64_t bytes = api->context_bytes(2);
  void* memory;
  CHECK(posix_memalign(&memory, 64, bytes) == 0);
  nnc_context* net;
  CHECK(api->create_at(&net, memory, bytes - 1, 7, 2) == NNC_ERR_MEMORY);
  CHECK(api->create_at(&net, memory, bytes, 7, 2) == NNC_OK);
  train(net, &r);
  expect_same(&r);
  api->destroy(net);
  free(memory);
}

/* Loaded, used on two threads and unloaded again and again: nothing stays behind. */
static void loaded_and_unloaded(const char* path, int times) {
  static float p[kClasses * 256];
  long memory = 0;
  for (int i = 0; i < times; i++) {
    void* library = dlmopen(LM_ID_BASE, path, RTLD_NOW | RTLD_LOCAL);
    CHECK(library);
    const nnc_api* (*api)(void) = (const nnc_api* (*)(void))dlsym(library, "tiny_api");
    CHECK(api);
    nnc_context* net;
    CHECK(api()->create(&net, 7, 2) == NNC_OK);
    int64_t rows = 256;
    const void* inputs[] = {image};
    void* outputs[] = {p};
    for (uint32_t e = 0; e < api()->model->entries; e++)
      if (strcmp(api()->model->entry[e].name, "f") == 0) CHECK(api()->run(net, e, &rows, inputs, outputs) == NNC_OK);
    api()->destroy(net);
    CHECK(dlclose(library) == 0);
    CHECK(!dlopen(path, RTLD_NOW | RTLD_NOLOAD));
    if (i == times / 10) memory = mapped();
  }
  CHECK(mapped() <= memory);
}

int main(int argc, char** argv) {
  for (int i = 0; i < kRows * kPixels; i++) image[i] = (uint8_t)((unsigned)i * 2654435761u >> 24);
  for (int i = 0; i < kRows; i++) label[i] = (uint8_t)(i % kClasses);
  nnc_context* net = make(1);
  train(net, &expected);
  fashion_mlp_destroy(net);
  contexts_on_two_threads();
  steps_allocate_nothing();
  one_thread_makes_no_system_call();
  executor_of_the_host();
  fork_with_live_threads();
  floating_point_mode_is_restored();
  unwanted_results();
  wrong_calls();
  context_in_memory_of_the_host();
  if (argc > 1) loaded_and_unloaded(argv[1], 1000);
  puts("all right");
  return 0;
}
