/* The hand-over from code generation to the runtime core: constant tables that describe a compiled model, and the
 * interface through which hosts (the generated C entry points, `nn train`, Python) use it. C11, freestanding.
 *
 * The core (the C files of this folder) is compiled once when the project is built, embedded in nnc, and linked into
 * every model.so. */
#ifndef NNC_ABI_H
#define NNC_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NNC_ABI_VERSION 7

/* Element types; the values are those of nnc::DType. */
enum { NNC_F64, NNC_F32, NNC_BF16, NNC_F16, NNC_I64, NNC_I32, NNC_I8, NNC_U8, NNC_BOOL };

/* Return codes of every entry point. */
enum {
  NNC_OK = 0,
  NNC_ERR_ARGUMENT = 1, /* a null pointer, an unknown name, a wrong size */
  NNC_ERR_RANGE = 2,    /* a symbol above its bound, an index outside its type's bound */
  NNC_ERR_MEMORY = 3,
  NNC_ERR_IO = 4,
  NNC_ERR_FORMAT = 5, /* a malformed or mismatched weight file */
  NNC_ERR_NAN = 6,    /* a NaN was found (only where set_nan_check asked for it) */
  NNC_ERR_CPU = 7,    /* this CPU lacks instructions the library was compiled for */
};

/* ---- kernels ---------------------------------------------------------------------------------------------------- */

typedef struct nnc_args {
  char* const* buffer;   /* addresses of the entry's buffers */
  const uint32_t* bind;  /* the launch's operands: numbers of buffers */
  const int64_t* symbol; /* run-time values of the entry's symbols, in order */
  char* scratch;         /* this thread's scratch, 64-byte aligned, of the size the kernel asked for */
} nnc_args;

/* Runs tasks task0 … task1-1; any split of 0 … tasks(symbol) over threads yields the same bits. */
typedef void (*nnc_kernel_fn)(const nnc_args* args, int64_t task0, int64_t task1);
/* A polynomial in the symbols: a number of tasks, a trip count, a size in bytes. */
typedef int64_t (*nnc_extent_fn)(const int64_t* symbol);

typedef struct nnc_kernel {
  const char* name;
  nnc_kernel_fn run;
  nnc_extent_fn tasks;
  uint64_t scratch_bytes; /* for each thread */
  uint32_t serial;        /* 1: too small to be worth a second thread */
  uint32_t operands;      /* how many buffers a launch binds */
  uint32_t outputs;       /* the last so many of them are written */
  uint32_t reserved;
  double flops; /* with every symbol at its bound */
} nnc_kernel;

/* ---- an entry's program -------------------------------------------------------------------------------------------
 */

enum {
  NNC_SPACE_STORE,
  NNC_SPACE_SCALARS,
  NNC_SPACE_INPUT,
  NNC_SPACE_OUTPUT,
  NNC_SPACE_CONST,
  NNC_SPACE_ARENA,
  NNC_SPACE_SCRATCH, /* of the thread that works on a block of rows */
};

typedef struct nnc_buffer {
  uint32_t space;
  uint32_t index;         /* number of the input or output */
  uint64_t offset;        /* bytes from the start of the space */
  nnc_extent_fn elements; /* how many elements it holds */
  uint32_t dtype;
  uint32_t reserved;
} nnc_buffer;

typedef struct nnc_launch {
  uint32_t kernel;
  uint32_t bind;   /* first operand in nnc_entry.bind */
  uint32_t origin; /* offset in nnc_model.strings: "net.fc at model.nn:14" */
} nnc_launch;

typedef struct nnc_phase {
  uint32_t first, count; /* launches */
} nnc_phase;

typedef struct nnc_slice {
  uint32_t slice, whole; /* buffers: slice t of whole lies at t * stride(symbol) bytes */
  uint32_t reverse;
  uint32_t reserved;
  nnc_extent_fn stride;
} nnc_slice;

enum {
  NNC_STEP_PHASE,
  NNC_STEP_LOOP,
  NNC_STEP_END_LOOP,
  NNC_STEP_IF,
  NNC_STEP_ELSE,
  NNC_STEP_END_IF,
  NNC_STEP_BLOCKS, /* phases run for each block of rows; a block sees its rows' part of the slices, slice = whole */
  NNC_STEP_END_BLOCKS,
};

typedef struct nnc_step {
  uint32_t kind;
  uint32_t target; /* PHASE: its number; LOOP, IF, ELSE, BLOCKS: the step that ends it; END_LOOP: its LOOP */
  uint32_t first_slice, slices;
  uint32_t buffer;    /* LOOP: buffer that holds t (UINT32_MAX: none); IF: the predicate */
  uint32_t symbol;    /* BLOCKS: which symbol counts the rows; in a block it is the block's number of them */
  nnc_extent_fn trip; /* LOOP */
  int64_t rows;       /* BLOCKS: of a block, the last may have fewer */
} nnc_step;

typedef struct nnc_symbol {
  const char* name;
  int64_t bound; /* inclusive */
} nnc_symbol;

/* What must hold of the symbols, checked at each call: slack(symbols) >= 0. */
typedef struct nnc_condition {
  const char* text; /* "P + m <= 128" */
  nnc_extent_fn slack;
} nnc_condition;

/* An input or output: extents by functions of the symbols. */
typedef struct nnc_port {
  const char* name; /* "image"; for results "0", "1" or their names; "loss"; a metric's name */
  const char* role; /* "input", "result", "loss", "metric" */
  uint32_t dtype;
  uint32_t rank;
  const nnc_extent_fn* extents;
  int64_t bound; /* inputs of an index type: exclusive upper bound, checked at each call; 0: none */
} nnc_port;

typedef struct nnc_entry {
  const char* name; /* "fit.step" */
  const char* kind; /* "init", "step", "eval", "export", "derive", "rows", "start_pass", "defaults" */
  uint32_t symbols, inputs, outputs, buffers, launches, phases, steps, slices;
  const nnc_symbol* symbol;
  const nnc_port* input;
  const nnc_port* output;
  const nnc_buffer* buffer;
  const uint32_t* bind;
  const nnc_launch* launch;
  const nnc_phase* phase;
  const nnc_step* step;
  const nnc_slice* slice;
  uint64_t arena_bytes;
  uint64_t scratch_bytes; /* of each thread, for NNC_SPACE_SCRATCH */
  uint64_t conditions;
  const nnc_condition* condition;
  /* Of the variables that the entry of kind "derive" computes from others: does this one read them, does it change what
   * they are computed from? */
  uint32_t reads_derived, changes_derived;
} nnc_entry;

/* CPU features code may need, in the groups of the x86-64 psABI's levels: all of x86-64-v3, all that v4 adds.
 * x86-64's baseline needs none. */
enum { NNC_CPU_V3 = 1, NNC_CPU_V4 = 2 };

/* The kernels of a plan made for one kind of CPU. A context takes all of its kernels from one target. */
typedef struct nnc_target {
  const char* name;      /* "x86-64-v3", "znver4" */
  uint32_t cpu_features; /* NNC_CPU_ bits the code needs: checked when a context is made */
  uint32_t reserved;
  const nnc_kernel* kernel; /* nnc_model.kernels of them: the same names, operands and order for every target */
} nnc_target;

/* ---- the model ----------------------------------------------------------------------------------------------------
 */

/* One digit of storage order, outermost first: (index[dim] / div) % extent. */
typedef struct nnc_digit {
  int64_t dim, div, extent;
} nnc_digit;

/* NNC_FITTED: statistics and vocabularies, which are taken from the training rows. Saved with parameters and state;
 * init and training leave them as they are. */
enum { NNC_PARAM, NNC_STATE, NNC_TRAIN_STATE, NNC_METRIC_STATE, NNC_FITTED };

/* A vocabulary is a fitted u8 variable: one of these kinds (0: not taken yet), then the symbols by number, each its
 * length (1 to 255) and its bytes; a length 0 ends them. */
enum { NNC_VOCABULARY_CHARS = 1, NNC_VOCABULARY_WORDS = 2, NNC_VOCABULARY_CATEGORY = 3 };

typedef struct nnc_variable {
  const char* path;
  uint32_t kind;
  uint32_t dtype;
  uint32_t rank;
  uint32_t digits;
  const int64_t* extents; /* logical, row-major for hosts and files */
  const nnc_digit* digit; /* storage */
  uint64_t offset;        /* bytes in the store */
} nnc_variable;

typedef struct nnc_scalar {
  const char* name; /* "lr", "step", "steps", "epoch", "seed", "valid.loss" */
  uint32_t dtype;
  uint32_t reserved;
  uint64_t offset; /* bytes in the scalar block */
  double initial;
} nnc_scalar;

typedef struct nnc_model {
  uint32_t abi_version;
  uint32_t entries, kernels, variables, scalars, targets;
  const char* name;
  const char* compiler;    /* version and options it was made with */
  const char* description; /* JSON: data blocks, train blocks, hypers: for nn and for introspection */
  const nnc_entry* entry;
  const nnc_target* target; /* from the most to the least demanding */
  const nnc_variable* variable;
  const nnc_scalar* scalar;
  const char* strings;
  const char* constants; /* tensor literals, 64-byte aligned */
  const char* weights;   /* embedded safetensors, or null */
  uint64_t weights_bytes;
  uint64_t store_bytes, scalar_bytes, constant_bytes;
  uint64_t sink_bytes; /* the largest output at the symbols' bounds: room for results a caller does not want */
} nnc_model;

/* ---- what hosts call ------------------------------------------------------------------------------------------------
 */

typedef struct nnc_context nnc_context;

/* A loop over [0, n) given by a host with a thread pool of its own: body(data, i) for each i, in any order, all done on
 * return. */
typedef void (*nnc_parallel_for)(void* host, int64_t n, void (*body)(void* data, int64_t i), void* data);

/* Called after each launch where a profiler asks for it; launches then run one after the other. */
typedef void (*nnc_probe)(void* user, uint32_t entry, uint32_t launch, uint64_t nanoseconds);

/* The interface of a model.so: `const nnc_api *<model>_api(void)`. All functions return an NNC_ code unless said
 * otherwise; `error(ctx)` is the text of the context's last failure. A context is used by one thread at a time;
 * contexts are independent. */
typedef struct nnc_api {
  uint32_t abi_version;
  uint32_t reserved;
  const nnc_model* model;
  /* Makes a context: embedded weights, else initialisers run with the seed. threads 0: as many as CPUs may be used. It
   * takes the kernels of the first target this CPU can run; NNC_ERR_CPU if it can run none. */
  int (*create)(nnc_context** out, int64_t seed, int threads);
  /* The same with the kernels of the target of this name. NNC_ERR_ARGUMENT: the library has none of this name. */
  int (*create_on)(nnc_context** out, const char* target, int64_t seed, int threads);
  /* The target of a context. */
  const nnc_target* (*target)(const nnc_context* ctx);
  /* The same in memory of the host: context_bytes(threads) bytes, 64-byte aligned; destroy then leaves it to the host.
   */
  uint64_t (*context_bytes)(int threads);
  int (*create_at)(nnc_context** out, void* memory, uint64_t bytes, int64_t seed, int threads);
  void (*destroy)(nnc_context* ctx);
  const char* (*error)(const nnc_context* ctx);
  int (*set_threads)(nnc_context* ctx, int threads);
  int (*set_executor)(nnc_context* ctx, nnc_parallel_for run, void* host, int threads);
  int (*set_probe)(nnc_context* ctx, nnc_probe probe, void* user);
  /* With check on, run stops with NNC_ERR_NAN after the first launch that writes a NaN; error(ctx) names it and its
   * place. */
  int (*set_nan_check)(nnc_context* ctx, int check);
  /* Runs an entry: symbols, inputs and outputs in the order of its tables; an output pointer may be null (not wanted).
   */
  int (*run)(nnc_context* ctx, uint32_t entry, const int64_t* symbols, const void* const* inputs, void* const* outputs);
  int (*set_scalar)(nnc_context* ctx, const char* name, double value);
  int (*get_scalar)(const nnc_context* ctx, const char* name, double* value);
  /* Tensors by path, row-major, in the variable's dtype; bytes is checked. */
  int (*get_tensor)(nnc_context* ctx, const char* path, void* data, uint64_t bytes);
  int (*set_tensor)(nnc_context* ctx, const char* path, const void* data, uint64_t bytes);
  /* All variables as they lie in memory: for snapshots within a process (model->store_bytes bytes). */
  int (*get_store)(nnc_context* ctx, void* data);
  int (*set_store)(nnc_context* ctx, const void* data);
  /* Runs the initialisers again with a seed. */
  int (*init)(nnc_context* ctx, int64_t seed);
  /* Weights (parameters, layer state, what is fitted) as safetensors. */
  int (*load)(nnc_context* ctx, const char* file);
  int (*save)(nnc_context* ctx, const char* file);
  /* All that the next step depends on, as safetensors: every variable by its path and every scalar ("scalar:step").
   * Load takes a checkpoint of `nn train`, too. */
  int (*load_checkpoint)(nnc_context* ctx, const char* file);
  int (*save_checkpoint)(nnc_context* ctx, const char* file);
  /* Text to numbers of the vocabulary at this path, and back. At most `capacity` are written, and `count` becomes how
   * many there are; NNC_ERR_RANGE if that is more, but with capacity 0, which only asks. A character or category that
   * the vocabulary lacks is NNC_ERR_RANGE, a word it lacks the number 0. Decoded text is not terminated. */
  int (*encode)(nnc_context* ctx, const char* vocabulary, const char* text, uint64_t bytes, int32_t* numbers,
                uint64_t capacity, uint64_t* count);
  int (*decode)(nnc_context* ctx, const char* vocabulary, const int32_t* numbers, uint64_t count, char* text,
                uint64_t capacity, uint64_t* bytes);
} nnc_api;

#ifdef __cplusplus
}
#endif
#endif
