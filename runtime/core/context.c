/* A context: one block of memory with the variables, scalars, arena and scratch of a model in use. */
#include <stdarg.h>

#include "core.h"

int core_fail(nnc_context* ctx, int code, ...) {
  if (!ctx) return code;
  text_buffer t = {ctx->error, sizeof ctx->error, 0};
  va_list parts;
  va_start(parts, code);
  for (const char* part; (part = va_arg(parts, const char*)) != 0;) text_add(&t, part);
  va_end(parts);
  return code;
}

const char* core_error(const nnc_context* ctx) {
  return ctx ? ctx->error : "no context";
}

/* ---- layout of the block ---- */

typedef struct block_layout {
  uint64_t scalars, address, frames, store, arena, sink, scratch, bytes;
  uint64_t scratch_bytes, kernel_scratch_bytes, frame_bytes;
} block_layout;

static uint64_t max_u64(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

static uint64_t take(uint64_t* at, uint64_t bytes) {
  uint64_t start = *at;
  *at = (start + bytes + 63) & ~(uint64_t)63;
  return start;
}

static block_layout lay_out(const nnc_model* m, const nnc_target* target, int threads) {
  block_layout l = {0};
  uint64_t buffers = 0, symbols = 0, arena = 0, of_blocks = 0, at = 0;
  for (uint32_t i = 0; i < m->entries; i++) {
    buffers = max_u64(buffers, m->entry[i].buffers);
    symbols = max_u64(symbols, m->entry[i].symbols);
    arena = max_u64(arena, m->entry[i].arena_bytes);
    of_blocks = max_u64(of_blocks, m->entry[i].scratch_bytes);
  }
  for (uint32_t i = 0; i < m->kernels; i++) l.scratch_bytes = max_u64(l.scratch_bytes, target->kernel[i].scratch_bytes);
  l.kernel_scratch_bytes = (l.scratch_bytes + 127) & ~(uint64_t)127;
  l.scratch_bytes = l.kernel_scratch_bytes + ((of_blocks + 127) & ~(uint64_t)127);
  l.frame_bytes = (buffers * sizeof(char*) + symbols * sizeof(int64_t) + 63) & ~(uint64_t)63;
  take(&at, sizeof(nnc_context));
  l.scalars = take(&at, m->scalar_bytes);
  l.address = take(&at, buffers * sizeof(char*));
  l.frames = take(&at, l.frame_bytes * (uint64_t)threads);
  l.store = take(&at, m->store_bytes);
  l.arena = take(&at, arena);
  l.sink = take(&at, m->sink_bytes);
  l.scratch = take(&at, l.scratch_bytes * (uint64_t)threads);
  l.bytes = at;
  return l;
}

static int thread_count(int threads) {
  if (threads <= 0) return pool_default_threads();
  return threads > NNC_MAX_THREADS ? NNC_MAX_THREADS : threads;
}

/* The target of this name, or (null) the first this CPU can run. */
static int choose_target(const nnc_model* m, const char* name, const nnc_target** out) {
  uint32_t features = sys_cpu_features();
  int known = !name;
  for (uint32_t i = 0; i < m->targets; i++) {
    *out = &m->target[i];
    if (name && !text_equal(m->target[i].name, name)) continue;
    known = 1;
    if (!(m->target[i].cpu_features & ~features)) return NNC_OK;
  }
  return known ? NNC_ERR_CPU : NNC_ERR_ARGUMENT;
}

const nnc_target* core_target(const nnc_context* ctx) {
  return ctx ? ctx->target : 0;
}

uint64_t core_context_bytes(const nnc_model* model, int threads) {
  const nnc_target* target;
  return choose_target(model, 0, &target) == NNC_OK ? lay_out(model, target, thread_count(threads)).bytes : 0;
}

/* ---- life ---- */

static void reset_scalars(nnc_context* ctx) {
  for (uint32_t i = 0; i < ctx->model->scalars; i++)
    core_set_scalar(ctx, ctx->model->scalar[i].name, ctx->model->scalar[i].initial);
}

static int run_all(nnc_context* ctx, const char* kind) {
  for (uint32_t i = 0; i < ctx->model->entries; i++) {
    if (!text_equal(ctx->model->entry[i].kind, kind)) continue;
    int code = core_run(ctx, i, 0, 0, 0);
    if (code != NNC_OK) return code;
  }
  return NNC_OK;
}

int core_init(nnc_context* ctx, int64_t seed) {
  for (uint32_t i = 0; i < ctx->model->scalars; i++) {
    const nnc_scalar* s = &ctx->model->scalar[i];
    if (text_equal(s->name, "seed")) *(int64_t*)(ctx->scalars + s->offset) = seed; /* exact, unlike a double */
  }
  ctx->stale = 1;
  return run_all(ctx, "init");
}

/* `memory` is zeroed and has room for the scratch of `room` threads. */
static int set_up(const nnc_model* model, const nnc_target* target, nnc_context** out, char* memory, int owns,
                  int64_t seed, int threads, int room) {
  block_layout l = lay_out(model, target, room);
  nnc_context* ctx = (nnc_context*)memory;
  *ctx = (nnc_context){.model = model, .target = target, .bytes = l.bytes, .owns_memory = owns, .stale = 1};
  ctx->scalars = memory + l.scalars;
  ctx->address = (char**)(memory + l.address);
  ctx->store = memory + l.store;
  ctx->arena = memory + l.arena;
  ctx->sink = memory + l.sink;
  ctx->scratch = memory + l.scratch;
  ctx->scratch_bytes = l.scratch_bytes;
  ctx->kernel_scratch_bytes = l.kernel_scratch_bytes;
  ctx->frames = memory + l.frames;
  ctx->frame_bytes = l.frame_bytes;
  pool_init(&ctx->pool, threads);
  reset_scalars(ctx);
  int code = run_all(ctx, "defaults");
  if (code == NNC_OK) code = core_init(ctx, seed);
  if (code == NNC_OK && model->weights) code = core_load_embedded(ctx);
  *out = ctx;
  return code;
}

int core_create_at(const nnc_model* model, nnc_context** out, void* memory, uint64_t bytes, int64_t seed, int threads) {
  if (!out || !memory || ((uintptr_t)memory & 63)) return NNC_ERR_ARGUMENT;
  const nnc_target* target;
  int code = choose_target(model, 0, &target);
  if (code != NNC_OK) return code;
  threads = thread_count(threads);
  uint64_t needed = lay_out(model, target, threads).bytes;
  if (bytes < needed) return NNC_ERR_MEMORY;
  for (uint64_t i = 0; i < needed; i++) ((char*)memory)[i] = 0;
  return set_up(model, target, out, memory, 0, seed, threads, threads);
}

int core_create(const nnc_model* model, nnc_context** out, const char* name, int64_t seed, int threads) {
  if (!out) return NNC_ERR_ARGUMENT;
  *out = 0;
  const nnc_target* target;
  int code = choose_target(model, name, &target);
  if (code != NNC_OK) return code;
  /* Room for the scratch of any number of threads: pages that are never touched cost nothing. */
  char* memory = sys_map(lay_out(model, target, NNC_MAX_THREADS).bytes);
  if (!memory) return NNC_ERR_MEMORY;
  code = set_up(model, target, out, memory, 1, seed, thread_count(threads), NNC_MAX_THREADS);
  if (code != NNC_OK) {
    core_destroy(*out);
    *out = 0;
  }
  return code;
}

void core_destroy(nnc_context* ctx) {
  if (!ctx) return;
  pool_stop(&ctx->pool);
  if (ctx->owns_memory) sys_unmap(ctx, ctx->bytes);
}

/* ---- settings ---- */

/* A context in the host's memory has scratch for the threads it was made with and no more. */
int core_set_threads(nnc_context* ctx, int threads) {
  if (!ctx) return NNC_ERR_ARGUMENT;
  threads = thread_count(threads);
  uint64_t room = (uint64_t)((char*)ctx + ctx->bytes - ctx->scratch);
  if (ctx->scratch_bytes * (uint64_t)threads > room)
    return core_fail(ctx, NNC_ERR_MEMORY, "set_threads: the context was made for fewer threads; create another",
                     (char*)0);
  pool_stop(&ctx->pool);
  pool_init(&ctx->pool, threads);
  return NNC_OK;
}

int core_set_executor(nnc_context* ctx, nnc_parallel_for run, void* host, int threads) {
  int code = core_set_threads(ctx, run ? threads : 0);
  if (code != NNC_OK) return code;
  ctx->executor = run;
  ctx->executor_host = host;
  return NNC_OK;
}

int core_set_probe(nnc_context* ctx, nnc_probe probe, void* user) {
  if (!ctx) return NNC_ERR_ARGUMENT;
  ctx->probe = probe;
  ctx->probe_user = user;
  return NNC_OK;
}

int core_set_nan_check(nnc_context* ctx, int check) {
  if (!ctx) return NNC_ERR_ARGUMENT;
  ctx->nan_check = check;
  return NNC_OK;
}

static const nnc_scalar* find_scalar(const nnc_model* m, const char* name) {
  for (uint32_t i = 0; i < m->scalars; i++)
    if (text_equal(m->scalar[i].name, name)) return &m->scalar[i];
  return 0;
}

/* Whether a scalar of this type can be `value`: a whole number in its range, no finite number beyond a float's. */
static int holds(uint32_t dtype, double value) {
  if (dtype == NNC_I64) return value >= -0x1p63 && value < 0x1p63 && (double)(int64_t)value == value;
  if (dtype == NNC_I32) return value >= -0x1p31 && value < 0x1p31 && (double)(int32_t)value == value;
  if (dtype == NNC_F32) return !(value - value == 0) || (value < 0x1.ffffffp127 && value > -0x1.ffffffp127);
  return 1;
}

int core_set_scalar(nnc_context* ctx, const char* name, double value) {
  if (!ctx || !name) return core_fail(ctx, NNC_ERR_ARGUMENT, "set_scalar: a null pointer", (char*)0);
  const nnc_scalar* s = find_scalar(ctx->model, name);
  if (!s) return core_fail(ctx, NNC_ERR_ARGUMENT, "there is no scalar ", name, (char*)0);
  if (!holds(s->dtype, value)) return core_fail(ctx, NNC_ERR_RANGE, "set_scalar: no value of ", name, (char*)0);
  char* at = ctx->scalars + s->offset;
  switch (s->dtype) {
    case NNC_F64:
      *(double*)at = value;
      break;
    case NNC_F32:
      *(float*)at = (float)value;
      break;
    case NNC_I64:
      *(int64_t*)at = (int64_t)value;
      break;
    case NNC_I32:
      *(int32_t*)at = (int32_t)value;
      break;
    case NNC_BOOL:
      *(uint8_t*)at = value != 0;
      break;
    default:
      return core_fail(ctx, NNC_ERR_ARGUMENT, name, " has a type that cannot be set", (char*)0);
  }
  return NNC_OK;
}

int core_get_scalar(const nnc_context* ctx, const char* name, double* value) {
  nnc_context* told = (nnc_context*)(uintptr_t)ctx; /* nothing but its error text changes */
  if (!ctx || !name || !value) return core_fail(told, NNC_ERR_ARGUMENT, "get_scalar: a null pointer", (char*)0);
  const nnc_scalar* s = find_scalar(ctx->model, name);
  if (!s) return core_fail(told, NNC_ERR_ARGUMENT, "there is no scalar ", name, (char*)0);
  const char* at = ctx->scalars + s->offset;
  switch (s->dtype) {
    case NNC_F64:
      *value = *(const double*)at;
      break;
    case NNC_F32:
      *value = *(const float*)at;
      break;
    case NNC_I64:
      *value = (double)*(const int64_t*)at;
      break;
    case NNC_I32:
      *value = *(const int32_t*)at;
      break;
    default:
      *value = *(const uint8_t*)at;
      break;
  }
  return NNC_OK;
}
