/* Runs an entry: resolves its buffers, then walks its steps. One caller walks; the pool does the tasks of each phase.
 */
#include "core.h"

uint64_t dtype_bytes(uint32_t dtype) {
  static const uint8_t bytes[] = {8, 4, 2, 2, 8, 4, 1, 1, 1};
  return bytes[dtype];
}

/* ---- before the run ---- */

static int check_symbols(nnc_context* ctx, const nnc_entry* e, const int64_t* symbols) {
  if (e->symbols && !symbols) return core_fail(ctx, NNC_ERR_ARGUMENT, e->name, ": sizes are missing", (char*)0);
  for (uint32_t i = 0; symbols && i < e->symbols; i++) {
    if (symbols[i] >= 0 && symbols[i] <= e->symbol[i].bound) continue;
    char text[96];
    text_buffer t = {text, sizeof text, 0};
    text_add(&t, " is ");
    text_add_number(&t, symbols[i]);
    text_add(&t, ", allowed are 0 to ");
    text_add_number(&t, e->symbol[i].bound);
    return core_fail(ctx, NNC_ERR_RANGE, e->name, ": ", e->symbol[i].name, text, (char*)0);
  }
  for (uint64_t i = 0; i < e->conditions; i++) {
    if (e->condition[i].slack(symbols) >= 0) continue;
    return core_fail(ctx, NNC_ERR_RANGE, e->name, ": needs ", e->condition[i].text, (char*)0);
  }
  return NNC_OK;
}

static uint64_t port_elements(const nnc_port* port, const int64_t* symbols) {
  uint64_t n = 1;
  for (uint32_t i = 0; i < port->rank; i++) n *= (uint64_t)port->extents[i](symbols);
  return n;
}

/* Classes may come as floats, which a cast truncates. What is no number is outside of every bound. */
static int64_t truncated(double x) {
  return x > -9e18 && x < 9e18 ? (int64_t)x : -1;
}

/* The truncated value of half-precision bits; of NaN and infinities -1. */
static int64_t half_truncated(uint16_t bits) {
  int exponent = (bits >> 10) & 31;
  int64_t digits = (bits & 1023) | (exponent ? 1024 : 0);
  if (exponent == 31) return -1;
  digits = exponent >= 25 ? digits << (exponent - 25) : exponent > 14 ? digits >> (25 - exponent) : 0;
  return bits >> 15 ? -digits : digits;
}

static int64_t bfloat_truncated(uint16_t bits) {
  union {
    uint32_t bits;
    float value;
  } wide = {(uint32_t)bits << 16};
  return truncated(wide.value);
}

static int64_t integer_at(const void* data, uint32_t dtype, uint64_t i) {
  switch (dtype) {
    case NNC_I64:
      return ((const int64_t*)data)[i];
    case NNC_I32:
      return ((const int32_t*)data)[i];
    case NNC_I8:
      return ((const int8_t*)data)[i];
    case NNC_F32:
      return truncated(((const float*)data)[i]);
    case NNC_F64:
      return truncated(((const double*)data)[i]);
    case NNC_F16:
      return half_truncated(((const uint16_t*)data)[i]);
    case NNC_BF16:
      return bfloat_truncated(((const uint16_t*)data)[i]);
    default:
      return ((const uint8_t*)data)[i];
  }
}

/* Indices from outside are checked here once, so that kernels may rely on them. */
static int check_input(nnc_context* ctx, const nnc_entry* e, const nnc_port* port, const void* data,
                       const int64_t* symbols) {
  uint64_t n = port_elements(port, symbols);
  if (!data && n) return core_fail(ctx, NNC_ERR_ARGUMENT, e->name, ": input ", port->name, " is missing", (char*)0);
  if (port->bound == 0) return NNC_OK;
  for (uint64_t i = 0; i < n; i++) {
    int64_t value = integer_at(data, port->dtype, i);
    if (value >= 0 && value < port->bound) continue;
    char text[160];
    text_buffer t = {text, sizeof text, 0};
    text_add(&t, " has ");
    text_add_number(&t, value);
    text_add(&t, " at element ");
    text_add_number(&t, (int64_t)i);
    text_add(&t, ", allowed are 0 to ");
    text_add_number(&t, port->bound - 1);
    return core_fail(ctx, NNC_ERR_RANGE, e->name, ": input ", port->name, text, (char*)0);
  }
  return NNC_OK;
}

static void resolve_buffers(nnc_context* ctx, const nnc_entry* e, const void* const* inputs, void* const* outputs) {
  char* base[] = {
      [NNC_SPACE_STORE] = ctx->store,
      [NNC_SPACE_SCALARS] = ctx->scalars,
      [NNC_SPACE_CONST] = (char*)(uintptr_t)ctx->model->constants,
      [NNC_SPACE_ARENA] = ctx->arena,
      [NNC_SPACE_SCRATCH] = ctx->scratch + ctx->kernel_scratch_bytes, /* of the first thread */
  };
  for (uint32_t i = 0; i < e->buffers; i++) {
    const nnc_buffer* b = &e->buffer[i];
    if (b->space == NNC_SPACE_INPUT) {
      ctx->address[i] = inputs ? (char*)(uintptr_t)inputs[b->index] : 0; /* null: of no elements */
    } else if (b->space == NNC_SPACE_OUTPUT) {
      void* to = outputs ? outputs[b->index] : 0;
      ctx->address[i] = to ? to : ctx->sink; /* not wanted: written where nobody looks */
    } else {
      ctx->address[i] = base[b->space] + b->offset;
    }
  }
}

/* ---- a phase ---- */

typedef struct phase_job {
  nnc_context* ctx;
  const nnc_entry* entry;
  const nnc_launch* launch;
  uint32_t launches;
  char* const* address;
  const int64_t* symbols;
} phase_job;

static void run_launch(const phase_job* job, const nnc_launch* launch, int thread, int64_t task0, int64_t task1) {
  nnc_context* ctx = job->ctx;
  nnc_args args = {job->address, job->entry->bind + launch->bind, job->symbols,
                   ctx->scratch + (uint64_t)thread * ctx->scratch_bytes};
  ctx->target->kernel[launch->kernel].run(&args, task0, task1);
}

/* A thread takes its share of every launch; small launches go whole to one thread each, in turn. */
static void phase_share(void* data, int thread, int threads) {
  const phase_job* job = data;
  for (uint32_t i = 0; i < job->launches; i++) {
    const nnc_launch* launch = &job->launch[i];
    const nnc_kernel* kernel = &job->ctx->target->kernel[launch->kernel];
    int64_t tasks = kernel->tasks(job->symbols);
    int64_t from = 0, to = tasks;
    if (!kernel->serial) {
      from = tasks * thread / threads;
      to = tasks * (thread + 1) / threads;
    } else if ((int)(i % (uint32_t)threads) != thread) {
      continue;
    }
    if (from < to) run_launch(job, launch, thread, from, to);
  }
}

typedef struct host_share {
  pool_job job;
  void* data;
  int threads;
} host_share;

static void host_body(void* data, int64_t i) {
  const host_share* share = data;
  uint32_t mode = float_mode_enter();
  share->job(share->data, (int)i, share->threads);
  float_mode_leave(mode);
}

/* Runs job(data, t, threads) for every thread t, of the host's executor or the own pool. */
static void run_on_threads(nnc_context* ctx, pool_job job, void* data) {
  if (ctx->executor) {
    host_share share = {job, data, ctx->pool.threads};
    ctx->executor(ctx->executor_host, ctx->pool.threads, host_body, &share);
  } else {
    pool_run(&ctx->pool, job, data);
  }
}

/* Whether a launch is large and, at the sizes of this call, can be cut: waking threads for one task is time lost. */
static int worth_threads(const phase_job* job) {
  for (uint32_t i = 0; i < job->launches; i++) {
    const nnc_kernel* kernel = &job->ctx->target->kernel[job->launch[i].kernel];
    if (!kernel->serial && kernel->tasks(job->symbols) > 1) return 1;
  }
  return 0;
}

static void run_parallel(phase_job* job) {
  nnc_context* ctx = job->ctx;
  if (ctx->pool.threads == 1 || !worth_threads(job)) {
    phase_share(job, 0, 1);
  } else {
    run_on_threads(ctx, phase_share, job);
  }
}

/* ---- looking at launches one by one ---- */

static int holds_nan(const void* data, uint32_t dtype, uint64_t n) {
  for (uint64_t i = 0; i < n; i++) {
    if (dtype == NNC_F32 && ((const float*)data)[i] != ((const float*)data)[i]) return 1;
    if (dtype == NNC_F64 && ((const double*)data)[i] != ((const double*)data)[i]) return 1;
    if (dtype == NNC_BF16 && (((const uint16_t*)data)[i] & 0x7fff) > 0x7f80) return 1;
    if (dtype == NNC_F16 && (((const uint16_t*)data)[i] & 0x7fff) > 0x7c00) return 1;
  }
  return 0;
}

static int check_launch(nnc_context* ctx, const phase_job* job, const nnc_launch* launch) {
  const nnc_entry* e = job->entry;
  const nnc_kernel* kernel = &ctx->target->kernel[launch->kernel];
  for (uint32_t i = kernel->operands - kernel->outputs; i < kernel->operands; i++) {
    uint32_t number = e->bind[launch->bind + i];
    const nnc_buffer* b = &e->buffer[number];
    if (b->dtype > NNC_F16 || !holds_nan(job->address[number], b->dtype, (uint64_t)b->elements(job->symbols))) continue;
    return core_fail(ctx, NNC_ERR_NAN, "NaN in ", ctx->model->strings + launch->origin, " (kernel ", kernel->name, ")",
                     (char*)0);
  }
  return NNC_OK;
}

/* Every launch alone, timed for the probe and looked at for NaN. */
static int run_watched(phase_job* job) {
  nnc_context* ctx = job->ctx;
  phase_job one = *job;
  one.launches = 1;
  for (uint32_t i = 0; i < job->launches; i++) {
    one.launch = &job->launch[i];
    uint64_t start = sys_nanoseconds();
    run_parallel(&one);
    if (ctx->probe)
      ctx->probe(ctx->probe_user, (uint32_t)(job->entry - ctx->model->entry),
                 (uint32_t)(one.launch - job->entry->launch), sys_nanoseconds() - start);
    int code = ctx->nan_check ? check_launch(ctx, job, one.launch) : NNC_OK;
    if (code != NNC_OK) return code;
  }
  return NNC_OK;
}

static phase_job job_of(nnc_context* ctx, const nnc_entry* e, uint32_t number, char* const* address,
                        const int64_t* symbols) {
  const nnc_phase* phase = &e->phase[number];
  return (phase_job){ctx, e, e->launch + phase->first, phase->count, address, symbols};
}

static int run_phase(nnc_context* ctx, const nnc_entry* e, uint32_t number, char* const* address,
                     const int64_t* symbols) {
  phase_job job = job_of(ctx, e, number, address, symbols);
  if (ctx->probe || ctx->nan_check) return run_watched(&job);
  run_parallel(&job);
  return NNC_OK;
}

/* ---- blocks of rows ---- */

typedef struct blocks_job {
  nnc_context* ctx;
  const nnc_entry* entry;
  const nnc_step* step; /* BLOCKS */
  const int64_t* symbols;
  int64_t blocks;
} blocks_job;

/* What a block sees: buffers at its rows, and its number of rows. */
typedef struct block_frame {
  char** address;
  int64_t* symbols;
} block_frame;

/* A thread's frame: as the entry sees it, but for its own scratch. */
static block_frame open_frame(const blocks_job* job, int thread) {
  nnc_context* ctx = job->ctx;
  char** address = (char**)(ctx->frames + (uint64_t)thread * ctx->frame_bytes);
  block_frame f = {address, (int64_t*)(address + job->entry->buffers)};
  for (uint32_t i = 0; i < job->entry->buffers; i++) {
    int own = job->entry->buffer[i].space == NNC_SPACE_SCRATCH;
    address[i] = ctx->address[i] + (own ? (uint64_t)thread * ctx->scratch_bytes : 0);
  }
  for (uint32_t i = 0; i < job->entry->symbols; i++) f.symbols[i] = job->symbols[i];
  return f;
}

static void enter_block(const blocks_job* job, block_frame f, int64_t block) {
  const nnc_step* step = job->step;
  int64_t first = block * step->rows, left = job->symbols[step->symbol] - first;
  f.symbols[step->symbol] = left < step->rows ? left : step->rows;
  for (uint32_t i = 0; i < step->slices; i++) {
    const nnc_slice* s = &job->entry->slice[step->first_slice + i];
    f.address[s->slice] = job->ctx->address[s->whole] + first * s->stride(job->symbols);
  }
}

/* A thread's share of the blocks: it runs every launch of a block whole. */
static void blocks_share(void* data, int thread, int threads) {
  const blocks_job* job = data;
  const nnc_entry* e = job->entry;
  block_frame f = open_frame(job, thread);
  int64_t to = job->blocks * (thread + 1) / threads;
  for (int64_t block = job->blocks * thread / threads; block < to; block++) {
    enter_block(job, f, block);
    for (const nnc_step* s = job->step + 1; s->kind == NNC_STEP_PHASE; s++) {
      phase_job phase = job_of(job->ctx, e, s->target, f.address, f.symbols);
      for (uint32_t i = 0; i < phase.launches; i++) {
        int64_t tasks = job->ctx->target->kernel[phase.launch[i].kernel].tasks(f.symbols);
        if (tasks > 0) run_launch(&phase, &phase.launch[i], thread, 0, tasks);
      }
    }
  }
}

/* Each thread takes blocks of its own, if that keeps all of them busy; else they share the phases of each block. */
static int run_blocks(nnc_context* ctx, const nnc_entry* e, const nnc_step* step, const int64_t* symbols) {
  int64_t blocks = (symbols[step->symbol] + step->rows - 1) / step->rows, threads = ctx->pool.threads;
  int64_t rounds = (blocks + threads - 1) / threads;
  blocks_job job = {ctx, e, step, symbols, blocks};
  int watched = ctx->probe || ctx->nan_check;
  if (!watched && threads == 1) {
    blocks_share(&job, 0, 1);
    return NNC_OK;
  }
  if (!watched && 4 * blocks >= 3 * rounds * threads) {
    run_on_threads(ctx, blocks_share, &job);
    return NNC_OK;
  }
  block_frame f = open_frame(&job, 0);
  int code = NNC_OK;
  for (int64_t block = 0; block < blocks; block++) {
    enter_block(&job, f, block);
    for (const nnc_step* s = step + 1; s->kind == NNC_STEP_PHASE && code == NNC_OK; s++)
      code = run_phase(ctx, e, s->target, f.address, f.symbols);
  }
  return code;
}

/* ---- the program ---- */

/* Moves a loop's slices to round t and shows t to the body. */
static void enter_round(nnc_context* ctx, const nnc_entry* e, const nnc_step* loop, const int64_t* symbols, int64_t t,
                        int64_t trip) {
  for (uint32_t i = 0; i < loop->slices; i++) {
    const nnc_slice* s = &e->slice[loop->first_slice + i];
    int64_t at = s->reverse ? trip - 1 - t : t;
    ctx->address[s->slice] = ctx->address[s->whole] + at * s->stride(symbols);
  }
  if (loop->buffer != UINT32_MAX) *(int64_t*)ctx->address[loop->buffer] = t;
}

/* Runs steps first … end-1; loops run their insides by recursion, so nesting is as deep as the program's. */
static int run_steps(nnc_context* ctx, const nnc_entry* e, uint32_t first, uint32_t end, const int64_t* symbols) {
  for (uint32_t i = first; i < end; i++) {
    const nnc_step* s = &e->step[i];
    int code = NNC_OK;
    if (s->kind == NNC_STEP_PHASE) {
      code = run_phase(ctx, e, s->target, ctx->address, symbols);
    } else if (s->kind == NNC_STEP_BLOCKS) {
      code = run_blocks(ctx, e, s, symbols);
      i = s->target;
    } else if (s->kind == NNC_STEP_LOOP) {
      int64_t trip = s->trip(symbols);
      for (int64_t t = 0; t < trip && code == NNC_OK; t++) {
        enter_round(ctx, e, s, symbols, t, trip);
        code = run_steps(ctx, e, i + 1, s->target, symbols);
      }
      i = s->target;
    } else if (s->kind == NNC_STEP_IF) {
      /* IF's target is its ELSE or END_IF; falling into an ELSE means the first branch is done. */
      if (!*(const uint8_t*)ctx->address[s->buffer]) i = s->target;
    } else if (s->kind == NNC_STEP_ELSE) {
      i = s->target;
    }
    if (code != NNC_OK) return code;
  }
  return NNC_OK;
}

static int run_entry(nnc_context* ctx, const nnc_entry* e, const int64_t* symbols, const void* const* inputs,
                     void* const* outputs) {
  int code = check_symbols(ctx, e, symbols);
  for (uint32_t i = 0; i < e->inputs && code == NNC_OK; i++)
    code = check_input(ctx, e, &e->input[i], inputs ? inputs[i] : 0, symbols);
  if (code != NNC_OK) return code;
  resolve_buffers(ctx, e, inputs, outputs);
  uint32_t mode = float_mode_enter();
  code = run_steps(ctx, e, 0, e->steps, symbols);
  float_mode_leave(mode);
  return code;
}

/* Derived variables are computed anew before the first run that reads them after a change. */
static int derive(nnc_context* ctx) {
  for (uint32_t i = 0; i < ctx->model->entries; i++) {
    const nnc_entry* e = &ctx->model->entry[i];
    if (!text_equal(e->kind, "derive")) continue;
    const int64_t none = 0; /* it has no sizes */
    int code = run_entry(ctx, e, &none, 0, 0);
    if (code != NNC_OK) return code;
  }
  ctx->stale = 0;
  return NNC_OK;
}

int core_run(nnc_context* ctx, uint32_t entry, const int64_t* symbols, const void* const* inputs,
             void* const* outputs) {
  if (!ctx) return NNC_ERR_ARGUMENT;
  if (entry >= ctx->model->entries) return core_fail(ctx, NNC_ERR_ARGUMENT, "there is no such entry", (char*)0);
  const nnc_entry* e = &ctx->model->entry[entry];
  int code = e->reads_derived && ctx->stale ? derive(ctx) : NNC_OK;
  if (e->changes_derived) ctx->stale = 1;
  return code == NNC_OK ? run_entry(ctx, e, symbols, inputs, outputs) : code;
}
