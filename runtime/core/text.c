/* Text and the numbers that a model computes with: characters, words or categories in a vocabulary, which is a fitted
 * variable (nnc_abi.h says how it lies there). */
#include "core.h"

typedef struct vocabulary {
  int kind;
  const char *at, *end; /* of the symbols */
} vocabulary;

typedef struct symbol {
  const char* bytes;
  uint64_t length;
} symbol;

/* The next symbol; 0 after the last. */
static int next_symbol(vocabulary* v, symbol* s) {
  if (v->at >= v->end || !*v->at) return 0;
  s->length = (uint8_t)*v->at;
  s->bytes = v->at + 1;
  v->at += 1 + s->length;
  return v->at <= v->end;
}

static int find_vocabulary(nnc_context* ctx, const char* path, vocabulary* v) {
  *v = (vocabulary){0, 0, 0};
  if (!ctx || !path) return core_fail(ctx, NNC_ERR_ARGUMENT, "a vocabulary: a null pointer", (char*)0);
  const nnc_variable* x = core_find_variable(ctx->model, path);
  if (!x || x->kind != NNC_FITTED || x->dtype != NNC_U8)
    return core_fail(ctx, NNC_ERR_ARGUMENT, "there is no vocabulary ", path, (char*)0);
  const char* data = ctx->store + x->offset; /* of rank 1, so row-major */
  *v = (vocabulary){(uint8_t)data[0], data + 1, data + variable_bytes(x)};
  if (v->kind) return NNC_OK;
  return core_fail(ctx, NNC_ERR_ARGUMENT, "the vocabulary ", path, " is empty: the model has no trained weights",
                   (char*)0);
}

/* ASCII letters in lower case; every byte outside of ASCII counts as a letter. 0: no letter. */
static char letter(char c) {
  if (c >= 'A' && c <= 'Z') return (char)(c - 'A' + 'a');
  return (c >= 'a' && c <= 'z') || (uint8_t)c >= 0x80 ? c : 0;
}

static int same(const symbol* s, const char* text, uint64_t length, int words) {
  if (s->length != length) return 0;
  for (uint64_t i = 0; i < length; i++)
    if (s->bytes[i] != (words ? letter(text[i]) : text[i])) return 0;
  return 1;
}

/* -1: none. */
static int32_t number_of(vocabulary v, const char* text, uint64_t length) {
  symbol s;
  for (int32_t n = 0; next_symbol(&v, &s); n++)
    if (same(&s, text, length, v.kind == NNC_VOCABULARY_WORDS)) return n;
  return -1;
}

/* Bytes of the character in UTF-8 that begins here, at most `left`. */
static uint64_t character_bytes(const char* at, uint64_t left) {
  uint8_t first = (uint8_t)*at;
  uint64_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1, have = 1;
  while (have < n && have < left && ((uint8_t)at[have] & 0xc0) == 0x80) have++;
  return have;
}

static int unknown(nnc_context* ctx, const vocabulary* v, const char* text, uint64_t at, uint64_t length) {
  char shown[64], place[32] = "";
  text_buffer p = {place, sizeof place, 0};
  const int chars = v->kind == NNC_VOCABULARY_CHARS;
  if (chars) {
    length = character_bytes(text + at, length - at);
    text_add(&p, "byte ");
    text_add_number(&p, (int64_t)at);
    text_add(&p, ": ");
  }
  if (length >= sizeof shown) length = sizeof shown - 1;
  for (uint64_t i = 0; i < length; i++) shown[i] = text[at + i];
  shown[length] = 0;
  return core_fail(ctx, NNC_ERR_RANGE, place, chars ? "the character `" : "`", shown,
                   chars ? "` does not occur in the training text" : "` does not occur in the training rows", (char*)0);
}

int core_encode(nnc_context* ctx, const char* path, const char* text, uint64_t bytes, int32_t* numbers,
                uint64_t capacity, uint64_t* count) {
  vocabulary v;
  int code = find_vocabulary(ctx, path, &v);
  if (code != NNC_OK) return code;
  if ((!text && bytes) || (!numbers && capacity) || !count)
    return core_fail(ctx, NNC_ERR_ARGUMENT, "encode: a null pointer", (char*)0);
  if (!text) text = "";
  uint64_t n = 0;
  for (uint64_t at = 0; at < bytes || (v.kind == NNC_VOCABULARY_CATEGORY && n == 0);) {
    uint64_t length = v.kind == NNC_VOCABULARY_CATEGORY ? bytes : 1;
    if (v.kind == NNC_VOCABULARY_WORDS) {
      if (!letter(text[at])) {
        at++;
        continue;
      }
      while (at + length < bytes && letter(text[at + length])) length++;
    }
    int32_t number = number_of(v, text + at, length);
    if (number < 0 && v.kind != NNC_VOCABULARY_WORDS) return unknown(ctx, &v, text, at, bytes);
    if (n < capacity) numbers[n] = number < 0 ? 0 : number;
    n++;
    at += length;
  }
  *count = n;
  return n <= capacity || !capacity ? NNC_OK : core_fail(ctx, NNC_ERR_RANGE, "encode: too little room", (char*)0);
}

int core_decode(nnc_context* ctx, const char* path, const int32_t* numbers, uint64_t count, char* text,
                uint64_t capacity, uint64_t* bytes) {
  vocabulary v;
  int code = find_vocabulary(ctx, path, &v);
  if (code != NNC_OK) return code;
  if ((!numbers && count) || (!text && capacity) || !bytes)
    return core_fail(ctx, NNC_ERR_ARGUMENT, "decode: a null pointer", (char*)0);
  uint64_t n = 0;
  for (uint64_t i = 0; i < count; i++) {
    vocabulary at = v;
    symbol s = {"?", 1};
    int found = 0;
    for (int32_t k = 0; numbers[i] >= 0 && k <= numbers[i] && (found = next_symbol(&at, &s)); k++) {
    }
    if (!found) s = (symbol){"?", 1};
    if (v.kind != NNC_VOCABULARY_CHARS && i > 0) {
      if (n < capacity) text[n] = ' ';
      n++;
    }
    for (uint64_t k = 0; k < s.length; k++, n++)
      if (n < capacity) text[n] = s.bytes[k];
  }
  *bytes = n;
  return n <= capacity || !capacity ? NNC_OK : core_fail(ctx, NNC_ERR_RANGE, "decode: too little room", (char*)0);
}
