/* A persistent pool: a job is announced by an epoch counter, workers spin for a while, then sleep on it. The split of
 * work over threads never changes a result (docs: the numeric contract), so the pool may be any size. */
#include "core.h"

/* Weak: a process without threads linked in runs everything on the caller's. pthread_t is an unsigned long on Linux. */
extern int pthread_create(uint64_t* handle, const void* attributes, void* (*run)(void*), void* argument)
    __attribute__((weak));
extern int pthread_join(uint64_t handle, void** result) __attribute__((weak));

static const uint64_t kSpinNanoseconds = 50000;

static void pause_cpu(void) {
  __asm__ volatile("pause");
}

/* Waits until *word differs from `seen`. */
static void wait_for_change(nnc_pool* pool, const volatile uint32_t* word, uint32_t seen) {
  if (pool->spin) {
    uint64_t start = sys_nanoseconds();
    do {
      for (int i = 0; i < 64; i++) {
        if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != seen) return;
        pause_cpu();
      }
    } while (sys_nanoseconds() - start < kSpinNanoseconds);
  }
  /* Counted before the word is looked at again (by the kernel), so that a change either sees the count or is seen. */
  __atomic_add_fetch(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == seen) sys_futex_wait(word, seen);
  __atomic_sub_fetch(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
}

static void wake(nnc_pool* pool, const volatile uint32_t* word) {
  if (__atomic_load_n(&pool->sleepers, __ATOMIC_SEQ_CST) != 0) sys_futex_wake(word);
}

static void* worker_main(void* argument) {
  nnc_worker* self = argument;
  nnc_pool* pool = self->pool;
  uint32_t seen = 0;
  float_mode_enter();
  for (;;) {
    wait_for_change(pool, &pool->epoch, seen);
    seen = __atomic_load_n(&pool->epoch, __ATOMIC_ACQUIRE);
    if (pool->stop) return 0;
    pool->job(pool->data, self->number, pool->threads);
    if (__atomic_sub_fetch(&pool->running, 1, __ATOMIC_SEQ_CST) == 0) wake(pool, &pool->running);
  }
}

int pool_default_threads(void) {
  int cpus = sys_usable_cpus();
  return cpus > NNC_MAX_THREADS ? NNC_MAX_THREADS : cpus;
}

void pool_init(nnc_pool* pool, int threads) {
  if (threads <= 0) threads = pool_default_threads();
  if (threads > NNC_MAX_THREADS) threads = NNC_MAX_THREADS;
  pool->threads = threads;
  pool->started = 0;
  pool->epoch = pool->running = pool->sleepers = pool->stop = 0;
  pool->spin = threads <= sys_usable_cpus();
  pool->process = sys_process_id();
}

/* Starts the workers at the first job, and again in a forked child, which has none of its parent's. */
static void pool_start(nnc_pool* pool) {
  if (!pthread_create) {
    pool->threads = 1;
    return;
  }
  for (int i = 1; i < pool->threads; i++) {
    nnc_worker* w = &pool->worker[i];
    w->pool = pool;
    w->number = i;
    if (pthread_create(&w->handle, 0, worker_main, w) != 0) {
      pool->threads = i; /* as many as the system gives; results do not depend on it */
      break;
    }
    pool->started = i;
  }
}

void pool_stop(nnc_pool* pool) {
  if (pool->started == 0 || pool->process != sys_process_id()) return;
  pool->stop = 1;
  __atomic_add_fetch(&pool->epoch, 1, __ATOMIC_SEQ_CST);
  wake(pool, &pool->epoch);
  for (int i = 1; i <= pool->started; i++) pthread_join(pool->worker[i].handle, 0);
  pool->started = 0;
}

void pool_run(nnc_pool* pool, pool_job job, void* data) {
  if (pool->threads > 1) {
    long process = sys_process_id();
    if (process != pool->process) {
      pool->started = 0;
      pool->epoch = pool->running = pool->sleepers = 0;
      pool->process = process;
    }
    if (pool->started == 0) pool_start(pool);
  }
  if (pool->threads == 1) {
    job(data, 0, 1);
    return;
  }
  pool->job = job;
  pool->data = data;
  __atomic_store_n(&pool->running, (uint32_t)pool->started, __ATOMIC_RELAXED);
  __atomic_add_fetch(&pool->epoch, 1, __ATOMIC_SEQ_CST);
  wake(pool, &pool->epoch);
  job(data, 0, pool->threads);
  uint32_t left;
  while ((left = __atomic_load_n(&pool->running, __ATOMIC_ACQUIRE)) != 0) wait_for_change(pool, &pool->running, left);
}
