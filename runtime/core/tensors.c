/* Variables by path: hosts and files see them row-major, storage may order digits of the dimensions otherwise. */
#include "core.h"

#define MAX_RANK 16

const nnc_variable* core_find_variable(const nnc_model* model, const char* path) {
  for (uint32_t i = 0; i < model->variables; i++)
    if (text_equal(model->variable[i].path, path)) return &model->variable[i];
  return 0;
}

static uint64_t variable_elements(const nnc_variable* v) {
  uint64_t n = 1;
  for (uint32_t i = 0; i < v->rank; i++) n *= (uint64_t)v->extents[i];
  return n;
}

uint64_t variable_bytes(const nnc_variable* v) {
  return variable_elements(v) * dtype_bytes(v->dtype);
}

static void copy_bytes(char* to, const char* from, uint64_t n) {
  for (uint64_t i = 0; i < n; i++) to[i] = from[i];
}

/* Digits in the order of the dimensions, each of full extent: storage is row-major. */
static int is_row_major(const nnc_variable* v) {
  if (v->digits != v->rank) return 0;
  for (uint32_t i = 0; i < v->rank; i++)
    if (v->digit[i].dim != (int64_t)i || v->digit[i].div != 1) return 0;
  return 1;
}

/* Where the element with these indices is stored. */
static uint64_t stored_at(const nnc_variable* v, const int64_t* index) {
  uint64_t at = 0;
  for (uint32_t d = 0; d < v->digits; d++) {
    const nnc_digit* g = &v->digit[d];
    at = at * (uint64_t)g->extent + (uint64_t)(index[g->dim] / g->div % g->extent);
  }
  return at;
}

/* Walks all elements row-major; `to_storage` says which way they go. */
static void copy_elements(const nnc_variable* v, char* stored_elements, char* data, int to_storage) {
  uint64_t size = dtype_bytes(v->dtype), n = variable_elements(v);
  int64_t index[MAX_RANK] = {0};
  for (uint64_t i = 0; i < n; i++) {
    char *stored = stored_elements + stored_at(v, index) * size, *plain = data + i * size;
    copy_bytes(to_storage ? stored : plain, to_storage ? plain : stored, size);
    for (uint32_t k = v->rank; k-- > 0;) {
      if (++index[k] < v->extents[k]) break;
      index[k] = 0;
    }
  }
}

static char* storage(const nnc_context* ctx, const nnc_variable* v) {
  return (v->kind == CORE_SCALAR ? ctx->scalars : ctx->store) + v->offset;
}

void variable_read(const nnc_context* ctx, const nnc_variable* v, void* data) {
  if (is_row_major(v))
    copy_bytes(data, storage(ctx, v), variable_bytes(v));
  else
    copy_elements(v, storage(ctx, v), data, 0);
}

void variable_write(nnc_context* ctx, const nnc_variable* v, const void* data) {
  if (is_row_major(v))
    copy_bytes(storage(ctx, v), data, variable_bytes(v));
  else
    copy_elements(v, storage(ctx, v), (char*)(uintptr_t)data, 1);
  ctx->stale = 1;
}

/* The variable of a path, if `data` can be its `bytes`; else null, and the context's error says why. */
static const nnc_variable* find_checked(nnc_context* ctx, const char* path, const void* data, uint64_t bytes) {
  if (!ctx || !path || (!data && bytes > 0)) { /* an empty tensor needs no memory */
    core_fail(ctx, NNC_ERR_ARGUMENT, path ? path : "a tensor", ": a null pointer", (char*)0);
    return 0;
  }
  const nnc_variable* v = core_find_variable(ctx->model, path);
  if (!v) {
    core_fail(ctx, NNC_ERR_ARGUMENT, "there is no variable ", path, (char*)0);
    return 0;
  }
  if (variable_bytes(v) == bytes) return v;
  char text[96];
  text_buffer t = {text, sizeof text, 0};
  text_add(&t, " has ");
  text_add_number(&t, (int64_t)variable_bytes(v));
  text_add(&t, " bytes, not ");
  text_add_number(&t, (int64_t)bytes);
  core_fail(ctx, NNC_ERR_ARGUMENT, path, text, (char*)0);
  return 0;
}

int core_get_tensor(nnc_context* ctx, const char* path, void* data, uint64_t bytes) {
  const nnc_variable* v = find_checked(ctx, path, data, bytes);
  if (!v) return NNC_ERR_ARGUMENT;
  variable_read(ctx, v, data);
  return NNC_OK;
}

int core_set_tensor(nnc_context* ctx, const char* path, const void* data, uint64_t bytes) {
  const nnc_variable* v = find_checked(ctx, path, data, bytes);
  if (!v) return NNC_ERR_ARGUMENT;
  variable_write(ctx, v, data);
  return NNC_OK;
}

int core_get_store(nnc_context* ctx, void* data) {
  if (!ctx || (!data && ctx->model->store_bytes))
    return core_fail(ctx, NNC_ERR_ARGUMENT, "get_store: a null pointer", (char*)0);
  copy_bytes(data, ctx->store, ctx->model->store_bytes);
  return NNC_OK;
}

int core_set_store(nnc_context* ctx, const void* data) {
  if (!ctx || (!data && ctx->model->store_bytes))
    return core_fail(ctx, NNC_ERR_ARGUMENT, "set_store: a null pointer", (char*)0);
  copy_bytes(ctx->store, data, ctx->model->store_bytes);
  ctx->stale = 1;
  return NNC_OK;
}
