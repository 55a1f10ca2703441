/* Internals of the runtime core: the context, the thread pool, and the few services of the operating system it uses. */
#ifndef NNC_CORE_H
#define NNC_CORE_H

#include "nnc_abi.h"

#define NNC_HIDDEN __attribute__((visibility("hidden")))
#define NNC_MAX_THREADS 64
#define NNC_ERROR_BYTES 512

/* ---- sys.c: system calls, strings, memory --------------------------------------------------------------------- */

NNC_HIDDEN void* sys_map(uint64_t bytes); /* zeroed pages, huge where the system offers; null: none left */
NNC_HIDDEN void sys_unmap(void* memory, uint64_t bytes);
NNC_HIDDEN long sys_open_read(const char* path);                            /* a file descriptor, or < 0: -errno */
NNC_HIDDEN long sys_open_new(const char* path);                             /* created or emptied */
NNC_HIDDEN long sys_read_all(long file, void* to, uint64_t bytes);          /* bytes read, or < 0 */
NNC_HIDDEN long sys_write_all(long file, const void* from, uint64_t bytes); /* 0, or < 0 */
NNC_HIDDEN long sys_file_size(long file);                                   /* of a regular file, or < 0: -errno */
NNC_HIDDEN const char* sys_reason(long code);                               /* what a code below 0 means */
NNC_HIDDEN long sys_sync(long file);
NNC_HIDDEN void sys_close(long file);
NNC_HIDDEN long sys_rename(const char* from, const char* to);
NNC_HIDDEN void sys_unlink(const char* path);
NNC_HIDDEN int sys_usable_cpus(void); /* min(affinity, cgroup quota), at least 1 */
NNC_HIDDEN long sys_process_id(void);
NNC_HIDDEN uint64_t sys_nanoseconds(void);
NNC_HIDDEN void sys_futex_wait(const volatile uint32_t* word, uint32_t expected);
NNC_HIDDEN void sys_futex_wake(const volatile uint32_t* word);
NNC_HIDDEN uint32_t sys_cpu_features(void); /* NNC_CPU_ bits of this CPU and system */

NNC_HIDDEN int text_equal(const char* a, const char* b);
NNC_HIDDEN uint64_t text_length(const char* s);
/* Appends to a bounded, always terminated text; what does not fit is cut. */
typedef struct text_buffer {
  char* data;
  uint64_t capacity, length;
} text_buffer;
NNC_HIDDEN void text_add(text_buffer* t, const char* s);
NNC_HIDDEN void text_add_number(text_buffer* t, int64_t n);

/* Flush denormals to zero inside the library; the caller's mode is restored on every way out. */
NNC_HIDDEN uint32_t float_mode_enter(void);
NNC_HIDDEN void float_mode_leave(uint32_t saved);

/* ---- pool.c ----------------------------------------------------------------------------------------------------- */

typedef void (*pool_job)(void* data, int thread, int threads);

typedef struct nnc_worker {
  struct nnc_pool* pool;
  uint64_t handle; /* pthread_t */
  int number;
} nnc_worker;

typedef struct nnc_pool {
  int threads;  /* including the caller */
  int started;  /* worker threads that run */
  int spin;     /* spin before sleeping: only with a CPU for each thread */
  long process; /* the process that owns the workers: a forked child starts its own */
  pool_job job;
  void* data;
  volatile uint32_t epoch __attribute__((aligned(64)));
  volatile uint32_t running __attribute__((aligned(64)));
  volatile uint32_t sleepers; /* threads in or on their way into a futex wait */
  volatile uint32_t stop;
  nnc_worker worker[NNC_MAX_THREADS];
} nnc_pool;

NNC_HIDDEN int pool_default_threads(void);
NNC_HIDDEN void pool_init(nnc_pool* pool, int threads);
NNC_HIDDEN void pool_stop(nnc_pool* pool);
/* Runs job(data, t, threads) for t = 0 … threads-1, the caller being 0; returns when all are done. */
NNC_HIDDEN void pool_run(nnc_pool* pool, pool_job job, void* data);

/* ---- context ------------------------------------------------------------------------------------------------------
 */

struct nnc_context {
  const nnc_model* model;
  const nnc_target* target; /* whose kernels run */
  uint64_t bytes;           /* of the whole block */
  int owns_memory;
  int stale; /* variables changed since the derived ones were computed from them */
  int nan_check;
  nnc_pool pool;
  nnc_parallel_for executor;
  void* executor_host;
  nnc_probe probe;
  void* probe_user;
  char *store, *scalars, *arena, *sink, *scratch;
  uint64_t scratch_bytes; /* for each thread: of its kernels, then of its block of rows */
  uint64_t kernel_scratch_bytes;
  char** address;       /* of the running entry's buffers */
  char* frames;         /* for each thread: addresses and symbols of the block of rows it works on */
  uint64_t frame_bytes; /* of one */
  char error[NNC_ERROR_BYTES];
};

/* Sets the context's error text, if there is a context, to the parts (the last is null) and returns the code. */
NNC_HIDDEN int core_fail(nnc_context* ctx, int code, ...);

/* context.c */
/* `target`: a name, or null for the best this CPU can run. */
NNC_HIDDEN int core_create(const nnc_model* model, nnc_context** out, const char* target, int64_t seed, int threads);
NNC_HIDDEN uint64_t core_context_bytes(const nnc_model* model, int threads);
NNC_HIDDEN int core_create_at(const nnc_model* model, nnc_context** out, void* memory, uint64_t bytes, int64_t seed,
                              int threads);
NNC_HIDDEN const nnc_target* core_target(const nnc_context* ctx);
NNC_HIDDEN void core_destroy(nnc_context* ctx);
NNC_HIDDEN const char* core_error(const nnc_context* ctx);
NNC_HIDDEN int core_set_threads(nnc_context* ctx, int threads);
NNC_HIDDEN int core_set_executor(nnc_context* ctx, nnc_parallel_for run, void* host, int threads);
NNC_HIDDEN int core_set_probe(nnc_context* ctx, nnc_probe probe, void* user);
NNC_HIDDEN int core_set_nan_check(nnc_context* ctx, int check);
NNC_HIDDEN int core_set_scalar(nnc_context* ctx, const char* name, double value);
NNC_HIDDEN int core_get_scalar(const nnc_context* ctx, const char* name, double* value);
NNC_HIDDEN int core_init(nnc_context* ctx, int64_t seed);

/* run.c */
NNC_HIDDEN int core_run(nnc_context* ctx, uint32_t entry, const int64_t* symbols, const void* const* inputs,
                        void* const* outputs);
NNC_HIDDEN uint64_t dtype_bytes(uint32_t dtype);

/* tensors.c */
/* Kind of a scalar where it is treated as a variable: of rank 0, its offset in the scalar block. */
enum { CORE_SCALAR = NNC_FITTED + 1 };
NNC_HIDDEN const nnc_variable* core_find_variable(const nnc_model* model, const char* path);
NNC_HIDDEN uint64_t variable_bytes(const nnc_variable* v);
NNC_HIDDEN int core_get_tensor(nnc_context* ctx, const char* path, void* data, uint64_t bytes);
NNC_HIDDEN int core_set_tensor(nnc_context* ctx, const char* path, const void* data, uint64_t bytes);
/* Between storage order and row-major; `data` holds variable_bytes(v). */
NNC_HIDDEN void variable_read(const nnc_context* ctx, const nnc_variable* v, void* data);
NNC_HIDDEN void variable_write(nnc_context* ctx, const nnc_variable* v, const void* data);
NNC_HIDDEN int core_get_store(nnc_context* ctx, void* data);
NNC_HIDDEN int core_set_store(nnc_context* ctx, const void* data);

/* text.c */
NNC_HIDDEN int core_encode(nnc_context* ctx, const char* vocabulary, const char* text, uint64_t bytes, int32_t* numbers,
                           uint64_t capacity, uint64_t* count);
NNC_HIDDEN int core_decode(nnc_context* ctx, const char* vocabulary, const int32_t* numbers, uint64_t count, char* text,
                           uint64_t capacity, uint64_t* bytes);

/* weights.c */
typedef enum file_content { CORE_WEIGHTS, CORE_CHECKPOINT } file_content;
NNC_HIDDEN int core_load_embedded(nnc_context* ctx); /* weights */
NNC_HIDDEN int core_load_file(nnc_context* ctx, const char* file, file_content content);
NNC_HIDDEN int core_save_file(nnc_context* ctx, const char* file, file_content content);

#endif
