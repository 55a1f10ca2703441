/* The interface of a model.so: binds the core to the one model it was linked with. */
#include "core.h"

/* Defined by the generated tables. */
extern NNC_HIDDEN const nnc_model nnc_model_table;

static int create(nnc_context** out, int64_t seed, int threads) {
  return core_create(&nnc_model_table, out, 0, seed, threads);
}
static int create_on(nnc_context** out, const char* target, int64_t seed, int threads) {
  return target ? core_create(&nnc_model_table, out, target, seed, threads) : NNC_ERR_ARGUMENT;
}
static uint64_t context_bytes(int threads) {
  return core_context_bytes(&nnc_model_table, threads);
}
static int create_at(nnc_context** out, void* memory, uint64_t bytes, int64_t seed, int threads) {
  return core_create_at(&nnc_model_table, out, memory, bytes, seed, threads);
}
static int load(nnc_context* ctx, const char* file) {
  return core_load_file(ctx, file, CORE_WEIGHTS);
}
static int save(nnc_context* ctx, const char* file) {
  return core_save_file(ctx, file, CORE_WEIGHTS);
}
static int load_checkpoint(nnc_context* ctx, const char* file) {
  return core_load_file(ctx, file, CORE_CHECKPOINT);
}
static int save_checkpoint(nnc_context* ctx, const char* file) {
  return core_save_file(ctx, file, CORE_CHECKPOINT);
}

NNC_HIDDEN const nnc_api nnc_core_api = {
    .abi_version = NNC_ABI_VERSION,
    .model = &nnc_model_table,
    .create = create,
    .create_on = create_on,
    .target = core_target,
    .context_bytes = context_bytes,
    .create_at = create_at,
    .destroy = core_destroy,
    .error = core_error,
    .set_threads = core_set_threads,
    .set_executor = core_set_executor,
    .set_probe = core_set_probe,
    .set_nan_check = core_set_nan_check,
    .run = core_run,
    .set_scalar = core_set_scalar,
    .get_scalar = core_get_scalar,
    .get_tensor = core_get_tensor,
    .set_tensor = core_set_tensor,
    .get_store = core_get_store,
    .set_store = core_set_store,
    .init = core_init,
    .load = load,
    .save = save,
    .load_checkpoint = load_checkpoint,
    .save_checkpoint = save_checkpoint,
    .encode = core_encode,
    .decode = core_decode,
};
