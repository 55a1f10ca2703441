#include <stdio.h>

#include "conditions.h"

static nnc_context* net;

static void report(const char* call, int code) {
  printf("%s: %d %s\n", call, code, code ? conditions_error(net) : "");
}

int main(void) {
  int32_t x[4 * 6] = {0}, tape[4 * 8];
  float row[9] = {0}, y[9];
  if (conditions_create(&net, 1, 1)) return 1;
  report("write 5 3", conditions_write(net, 2, 5, 3, x, tape));
  report("write 5 4", conditions_write(net, 2, 5, 4, x, tape));
  report("write 0 4", conditions_write(net, 2, 0, 4, x, tape));
  report("head 4 3", conditions_head(net, 4, 3, row, y));
  report("head 4 4", conditions_head(net, 4, 4, row, y));
  report("swept 5", conditions_swept(net, 5, row, y));
  report("swept 6", conditions_swept(net, 6, row, y));
  conditions_destroy(net);
  return 0;
}
