/* Text in and out of symbols.so, whose weights are embedded. usage: text SAVE_TO */
#include <stdio.h>
#include <string.h>

#include "symbols.h"

static nnc_context* ctx;

static void reversed(const char* text) {
  int32_t numbers[SYMBOLS_REVERSED_PROMPT_ELEMENTS], back[SYMBOLS_REVERSED_OUT0_ELEMENTS];
  char result[64];
  uint64_t count, bytes;
  symbols_encode(ctx, "text.text.chars", text, strlen(text), numbers, 20, &count);
  symbols_reversed(ctx, 1, (int64_t)count, numbers, back);
  symbols_decode(ctx, "text.text.chars", back, count, result, sizeof result, &bytes);
  printf("%s -> %.*s\n", text, (int)bytes, result);
}

static void words(void) {
  const char* text = "The cat, the ZEBRA";
  int32_t n[8];
  char result[64];
  uint64_t count, bytes;
  symbols_encode(ctx, "verse.text.words", text, strlen(text), n, 8, &count);
  symbols_decode(ctx, "verse.text.words", n, count, result, sizeof result, &bytes);
  printf("word numbers %d %d %d %d: %.*s\n", n[0], n[1], n[2], n[3], (int)bytes, result);
}

static void mistakes(void) {
  int32_t n[4] = {-1, -1, -1, -1};
  uint64_t count;
  int code = symbols_encode(ctx, "text.text.chars", "azb", 3, n, 4, &count);
  printf("%d: %s\n", code, symbols_error(ctx));
  code = symbols_encode(ctx, "text.text", "a", 1, n, 4, &count);
  printf("%d: %s\n", code, symbols_error(ctx));
  n[2] = -1;
  code = symbols_encode(ctx, "text.text.chars", "the cat", 7, n, 2, &count);
  printf("room for 2 of %d: %d, %s\n", (int)count, code, n[2] == -1 ? "nothing written beyond" : "written beyond");
}

int main(int argc, char** argv) {
  float before, after;
  if (argc < 2 || symbols_create(&ctx, 1, 1) != SYMBOLS_OK) return 1;
  reversed("the cat");
  words();
  mistakes();
  symbols_get_tensor(ctx, "animals.weight.mean", &before, sizeof before);
  symbols_init(ctx, 2);
  symbols_get_tensor(ctx, "animals.weight.mean", &after, sizeof after);
  puts(before == after && before != 0 ? "mean kept" : "mean lost");
  symbols_save(ctx, argv[1]);
  symbols_destroy(ctx);
  return 0;
}
