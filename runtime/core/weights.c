/* Weights and checkpoints as safetensors: u64 little-endian header length, a JSON header, the tensors. Weights are
 * parameters, layer state and what is fitted; a checkpoint is every variable and every scalar, so that the next step
 * gives the bits that it would have given. The reader believes nothing it has not checked. It wants all of what is
 * asked for and passes over what else a file holds: a library of a part of a network takes the weights of the whole,
 * and any takes those of a checkpoint. */
#include "core.h"

static const char* const kDtypeNames[] = {"F64", "F32", "BF16", "F16", "I64", "I32", "I8", "U8", "BOOL"};

static int belongs(const nnc_variable* v, file_content content) {
  return content == CORE_CHECKPOINT || v->kind == NNC_PARAM || v->kind == NNC_STATE || v->kind == NNC_FITTED;
}

/* The tensors that a file may hold: the variables, then the scalars as variables of rank 0. */
static uint32_t tensors(const nnc_model* m) {
  return m->variables + m->scalars;
}
static nnc_variable tensor_at(const nnc_model* m, uint32_t i) {
  if (i < m->variables) return m->variable[i];
  const nnc_scalar* s = &m->scalar[i - m->variables];
  return (nnc_variable){.path = s->name, .kind = CORE_SCALAR, .dtype = s->dtype, .offset = s->offset};
}

/* Its name in a file is the path of a variable, "scalar:step" of a scalar. */
static const char* prefix(const nnc_variable* v) {
  return v->kind == CORE_SCALAR ? "scalar:" : "";
}
static int is_named(const nnc_variable* v, const char* name) {
  for (const char* p = prefix(v); *p; p++, name++)
    if (*name != *p) return 0;
  return text_equal(name, v->path);
}

/* ---- reading the header ---- */

typedef struct json {
  const char *at, *end;
  int bad;
} json;

static void skip_space(json* j) {
  while (j->at < j->end && (*j->at == ' ' || *j->at == '\n' || *j->at == '\t' || *j->at == '\r')) j->at++;
}

static int peek(json* j) {
  skip_space(j);
  return j->at < j->end ? *j->at : 0;
}

static int accept(json* j, char c) {
  if (peek(j) != c) return 0;
  j->at++;
  return 1;
}

static void expect(json* j, char c) {
  if (!accept(j, c)) j->bad = 1;
}

/* A string without escapes (no path has any) into a bounded buffer. */
static void read_string(json* j, char* to, uint64_t capacity) {
  uint64_t n = 0;
  expect(j, '"');
  while (!j->bad && j->at < j->end && *j->at != '"') {
    if (*j->at == '\\' || n + 1 >= capacity)
      j->bad = 1;
    else
      to[n++] = *j->at++;
  }
  to[n] = 0;
  if (j->at < j->end)
    j->at++;
  else
    j->bad = 1;
}

static uint64_t read_count(json* j) {
  uint64_t n = 0;
  int digits = 0;
  skip_space(j);
  for (; j->at < j->end && *j->at >= '0' && *j->at <= '9'; j->at++, digits++) n = n * 10 + (uint64_t)(*j->at - '0');
  if (digits == 0 || digits > 18) j->bad = 1;
  return n;
}

/* Skips the strings of a metadata object, escapes included. */
static void skip_metadata(json* j) {
  expect(j, '{');
  int in_string = 0;
  for (; !j->bad && j->at < j->end; j->at++) {
    if (in_string && *j->at == '\\')
      j->at++;
    else if (*j->at == '"')
      in_string = !in_string;
    else if (!in_string && *j->at == '}') {
      j->at++;
      return;
    } else if (!in_string && *j->at == '{')
      j->bad = 1;
  }
  j->bad = 1;
}

typedef struct tensor_entry {
  char dtype[8];
  uint32_t rank;
  uint64_t shape[16], begin, end;
} tensor_entry;

static void read_tensor(json* j, tensor_entry* t) {
  char key[16];
  t->dtype[0] = 0;
  t->rank = 0;
  t->begin = t->end = 0;
  expect(j, '{');
  do {
    read_string(j, key, sizeof key);
    expect(j, ':');
    if (j->bad) return;
    if (text_equal(key, "dtype")) {
      read_string(j, t->dtype, sizeof t->dtype);
    } else if (text_equal(key, "shape")) {
      expect(j, '[');
      while (!j->bad && peek(j) != ']') {
        if (t->rank == 16)
          j->bad = 1;
        else
          t->shape[t->rank++] = read_count(j);
        if (!accept(j, ',')) break;
      }
      expect(j, ']');
    } else if (text_equal(key, "data_offsets")) {
      expect(j, '[');
      t->begin = read_count(j);
      expect(j, ',');
      t->end = read_count(j);
      expect(j, ']');
    } else {
      j->bad = 1;
    }
  } while (!j->bad && accept(j, ','));
  expect(j, '}');
}

static int fits(const nnc_variable* v, const tensor_entry* t) {
  if (!text_equal(t->dtype, kDtypeNames[v->dtype]) || t->rank != v->rank) return 0;
  for (uint32_t i = 0; i < v->rank; i++)
    if (t->shape[i] != (uint64_t)v->extents[i]) return 0;
  return 1;
}

/* A file that is read: the bytes, what is wanted of it, and how messages call it. */
typedef struct source {
  const char* data;
  uint64_t bytes;
  file_content content;
  const char* name;
} source;

/* A tensor of the file: checked and marked in `seen`, or, without it, written. The model may have no use for it. */
static int take_tensor(nnc_context* ctx, const source* from, const char* name, const tensor_entry* t, const char* body,
                       char* seen) {
  if (t->begin > t->end || t->end > (uint64_t)(from->data + from->bytes - body))
    return core_fail(ctx, NNC_ERR_FORMAT, from->name, ": ", name, " lies outside the file", (char*)0);
  nnc_variable v;
  uint32_t i = 0, n = tensors(ctx->model);
  for (; i < n; i++) {
    v = tensor_at(ctx->model, i);
    if (belongs(&v, from->content) && is_named(&v, name)) break;
  }
  if (i == n) return NNC_OK;
  if (!fits(&v, t) || t->end - t->begin != variable_bytes(&v))
    return core_fail(ctx, NNC_ERR_FORMAT, from->name, ": ", name, " has another shape or type than in this model",
                     (char*)0);
  if (seen && seen[i]++) return core_fail(ctx, NNC_ERR_FORMAT, from->name, ": ", name, " stands there twice", (char*)0);
  if (!seen) variable_write(ctx, &v, body + t->begin);
  return NNC_OK;
}

/* One walk over the header. With `seen` it only checks, so that a bad file changes nothing, and marks the variables
 * found; without, it writes them. */
static int walk(nnc_context* ctx, const source* from, char* seen) {
  uint64_t header = 0;
  for (int i = 7; i >= 0 && from->bytes >= 8; i--) header = header << 8 | (uint8_t)from->data[i];
  if (from->bytes < 8 || header > from->bytes - 8)
    return core_fail(ctx, NNC_ERR_FORMAT, from->name, " is no safetensors file, or is cut off in its header", (char*)0);
  const char* body = from->data + 8 + header;
  json j = {from->data + 8, body, 0};
  expect(&j, '{');
  while (!j.bad && peek(&j) != '}') {
    char name[512];
    tensor_entry t;
    read_string(&j, name, sizeof name);
    expect(&j, ':');
    if (j.bad) break;
    if (text_equal(name, "__metadata__")) {
      skip_metadata(&j);
    } else {
      read_tensor(&j, &t);
      if (j.bad) break;
      int code = take_tensor(ctx, from, name, &t, body, seen);
      if (code != NNC_OK) return code;
    }
    if (!accept(&j, ',')) break;
  }
  expect(&j, '}');
  if (!j.bad) return NNC_OK;
  return core_fail(ctx, NNC_ERR_FORMAT, from->name, ": the header is not what safetensors allows", (char*)0);
}

static int load_source(nnc_context* ctx, const source* from) {
  uint32_t n = tensors(ctx->model);
  char* seen = sys_map((uint64_t)n + 1);
  if (!seen) return core_fail(ctx, NNC_ERR_MEMORY, "no memory to read ", from->name, (char*)0);
  int code = walk(ctx, from, seen);
  for (uint32_t i = 0; i < n && code == NNC_OK; i++) {
    nnc_variable v = tensor_at(ctx->model, i);
    if (belongs(&v, from->content) && !seen[i])
      code = core_fail(ctx, NNC_ERR_FORMAT, from->name, " lacks ", prefix(&v), v.path, (char*)0);
  }
  sys_unmap(seen, (uint64_t)n + 1);
  return code == NNC_OK ? walk(ctx, from, (char*)0) : code;
}

int core_load_embedded(nnc_context* ctx) {
  const nnc_model* m = ctx->model;
  const source from = {m->weights, m->weights_bytes, CORE_WEIGHTS, "the embedded weights"};
  return load_source(ctx, &from);
}

int core_load_file(nnc_context* ctx, const char* file, file_content content) {
  if (!ctx || !file) return core_fail(ctx, NNC_ERR_ARGUMENT, "the file to read: a null pointer", (char*)0);
  long f = sys_open_read(file);
  long bytes = f < 0 ? f : sys_file_size(f);
  if (bytes < 0) {
    if (f >= 0) sys_close(f);
    return core_fail(ctx, NNC_ERR_IO, "cannot read ", file, ": ", sys_reason(bytes), (char*)0);
  }
  char* data = sys_map((uint64_t)bytes + 1);
  const source from = {data, (uint64_t)bytes, content, file};
  int code = NNC_OK;
  if (!data)
    code = core_fail(ctx, NNC_ERR_MEMORY, "no memory to read ", file, (char*)0);
  else if (sys_read_all(f, data, from.bytes) != bytes)
    code = core_fail(ctx, NNC_ERR_IO, "cannot read ", file, (char*)0);
  else
    code = load_source(ctx, &from);
  if (data) sys_unmap(data, from.bytes + 1);
  sys_close(f);
  return code;
}

/* ---- writing ---- */

/* Adds `"net.w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}`. */
static void write_entry(text_buffer* t, const nnc_variable* v, uint64_t offset) {
  text_add(t, "\"");
  text_add(t, prefix(v));
  text_add(t, v->path);
  text_add(t, "\":{\"dtype\":\"");
  text_add(t, kDtypeNames[v->dtype]);
  text_add(t, "\",\"shape\":[");
  for (uint32_t k = 0; k < v->rank; k++) {
    if (k) text_add(t, ",");
    text_add_number(t, v->extents[k]);
  }
  text_add(t, "],\"data_offsets\":[");
  text_add_number(t, (int64_t)offset);
  text_add(t, ",");
  text_add_number(t, (int64_t)(offset + variable_bytes(v)));
  text_add(t, "]}");
}

static uint64_t write_header(const nnc_model* m, file_content content, char* to, uint64_t capacity) {
  text_buffer t = {to, capacity, 0};
  uint64_t offset = 0;
  text_add(&t, "{");
  for (uint32_t i = 0; i < tensors(m); i++) {
    nnc_variable v = tensor_at(m, i);
    if (!belongs(&v, content)) continue;
    if (t.length > 1) text_add(&t, ",");
    write_entry(&t, &v, offset);
    offset += variable_bytes(&v);
  }
  text_add(&t, "}");
  while ((t.length + 8) % 64 && t.length + 1 < t.capacity) text_add(&t, " ");
  return t.length;
}

static uint64_t header_capacity(const nnc_model* m) {
  uint64_t n = 256;
  for (uint32_t i = 0; i < tensors(m); i++) {
    nnc_variable v = tensor_at(m, i);
    n += text_length(v.path) + 104 + 24 * (uint64_t)v.rank;
  }
  return n;
}

static long write_file(nnc_context* ctx, file_content content, long f, char* work) {
  uint64_t header = write_header(ctx->model, content, work + 8, header_capacity(ctx->model));
  for (int i = 0; i < 8; i++) work[i] = (char)(header >> (8 * i));
  long bad = sys_write_all(f, work, header + 8);
  for (uint32_t i = 0; i < tensors(ctx->model) && !bad; i++) {
    nnc_variable v = tensor_at(ctx->model, i);
    if (!belongs(&v, content)) continue;
    variable_read(ctx, &v, work);
    bad = sys_write_all(f, work, variable_bytes(&v));
  }
  return bad ? bad : sys_sync(f);
}

/* The rename itself lasts only once the folder is on the disk. `work` holds a path as long as the file's. */
enum { kInvalidArgument = 22 };
static long sync_folder(char* work, const char* file) {
  uint64_t end = text_length(file);
  while (end > 0 && file[end - 1] != '/') end--;
  for (uint64_t i = 0; i < end; i++) work[i] = file[i];
  if (end == 0) work[end++] = '.';
  work[end] = 0;
  long folder = sys_open_read(work);
  if (folder < 0) return folder;
  long bad = sys_sync(folder);
  sys_close(folder);
  return bad == -kInvalidArgument ? 0 : bad; /* some file systems cannot sync a folder */
}

/* Written aside and renamed: whatever happens, the file is the old one or the new one. */
int core_save_file(nnc_context* ctx, const char* file, file_content content) {
  if (!ctx || !file) return core_fail(ctx, NNC_ERR_ARGUMENT, "the file to write: a null pointer", (char*)0);
  char aside[4096];
  text_buffer t = {aside, sizeof aside, 0};
  text_add(&t, file);
  text_add(&t, ".part");
  if (t.length + 1 >= sizeof aside) return core_fail(ctx, NNC_ERR_ARGUMENT, "save: the path is too long", (char*)0);
  uint64_t bytes = header_capacity(ctx->model) + 8;
  for (uint32_t i = 0; i < ctx->model->variables; i++) {
    uint64_t n = variable_bytes(&ctx->model->variable[i]);
    if (n > bytes) bytes = n;
  }
  char* work = sys_map(bytes);
  if (!work) return core_fail(ctx, NNC_ERR_MEMORY, "no memory to write ", file, (char*)0);
  long f = sys_open_new(aside);
  long bad = f < 0 ? f : write_file(ctx, content, f, work);
  if (f >= 0) sys_close(f);
  sys_unmap(work, bytes);
  if (!bad) bad = sys_rename(aside, file);
  if (f >= 0 && bad) sys_unlink(aside);
  if (!bad) bad = sync_folder(aside, file);
  return bad ? core_fail(ctx, NNC_ERR_IO, "cannot write ", file, ": ", sys_reason(bad), (char*)0) : NNC_OK;
}
