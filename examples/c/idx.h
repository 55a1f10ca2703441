/* Just enough of IDX.gz for the C examples: images and labels of Fashion-MNIST. */
#ifndef IDX_H
#define IDX_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

/* Reads all elements behind a header of `header` bytes; `*count` is how many `size`-byte rows there are. Exits on
 * failure. */
static uint8_t* read_idx(const char* folder, const char* name, int header, size_t size, int64_t* count) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  gzFile file = gzopen(path, "rb");
  uint8_t head[16];
  if (!file || gzread(file, head, (unsigned)header) != header) {
    fprintf(stderr, "cannot read %s\n", path);
    exit(3);
  }
  *count = (int64_t)head[4] << 24 | head[5] << 16 | head[6] << 8 | head[7];
  uint8_t* data = malloc((size_t)*count * size);
  if (!data || gzread(file, data, (unsigned)((size_t)*count * size)) != (int)((size_t)*count * size)) {
    fprintf(stderr, "%s is cut off\n", path);
    exit(4);
  }
  gzclose(file);
  return data;
}

#endif
