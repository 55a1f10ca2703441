/* Steps of a run that a checkpoint may interrupt: checkpoint FROM TO STEPS THREADS goes on from the file FROM (-: from
 * the beginning) until so many steps are done, and writes the file TO. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"

#define CHECK(call)                                                                                   \
  do {                                                                                                \
    if ((call) != CHECKPOINT_OK) {                                                                    \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, net ? checkpoint_error(net) : "no context"); \
      return 1;                                                                                       \
    }                                                                                                 \
  } while (0)

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const int fresh = strcmp(argv[1], "-") == 0;
  nnc_context* net = 0;
  double step = -1, right;
  float loss;
  CHECK(checkpoint_create(&net, fresh ? 3 : 99, atoi(argv[4])));
  if (fresh) {
    CHECK(checkpoint_set_scalar(net, "steps", 12));
    CHECK(checkpoint_fit_start_pass(net));
  } else {
    CHECK(checkpoint_load_checkpoint(net, argv[1]));
    CHECK(checkpoint_get_scalar(net, "step", &step)); /* the last that was done */
  }
  while (++step < atoi(argv[3])) {
    CHECK(checkpoint_set_scalar(net, "step", step));
    CHECK(checkpoint_fit_step(net, 16, &loss, &right));
  }
  CHECK(checkpoint_save_checkpoint(net, argv[2]));
  checkpoint_destroy(net);
  return 0;
}
