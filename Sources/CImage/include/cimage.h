/// Pictures through libgd and libexif: decoding, PNG encoding, and antialiased text as a mask.
#ifndef CIMAGE_H
#define CIMAGE_H

#include <stddef.h>
#include <stdint.h>

/// The formats that `cimage_decode` reads.
typedef enum {
  CIMAGE_JPEG,
  CIMAGE_PNG,
  CIMAGE_WEBP,
  CIMAGE_BMP,
  CIMAGE_GIF,
  CIMAGE_TIFF,
} cimage_format;

/// Decodes a picture of exactly `width` x `height` pixels, as its header says, into `rgb`, which
/// takes 3 bytes per pixel, row by row from the top. Alpha is dropped, 16 bits become 8, and of
/// several frames the first is read.
///
/// Returns 1, or 0 with the reason, a C string, in `reason`.
int32_t cimage_decode(cimage_format format, const uint8_t *bytes, size_t count, int32_t width,
                      int32_t height, uint8_t *rgb, char *reason, size_t reason_size);

/// The orientation, 1 to 8, that a TIFF-structured EXIF block asks for; 1 if it asks for none.
int32_t cimage_exif_orientation(const uint8_t *exif, size_t count);

/// A PNG of `width` x `height` pixels of 3 bytes each, or NULL for want of memory. The caller
/// frees it with `cimage_free`.
uint8_t *cimage_encode_png(const uint8_t *rgb, int32_t width, int32_t height, size_t *count);

/// One line of text as a mask of coverage, 0 to 255, row by row from the top.
typedef struct {
  int32_t width;
  int32_t height;
  /// Rows above the baseline, the same for every text of one size.
  int32_t ascent;
  /// `width` x `height` bytes, freed with `cimage_free`; NULL if the text could not be drawn.
  uint8_t *coverage;
} cimage_text;

/// Draws UTF-8 text in DejaVu Sans with letters of `size` pixels, or in gd's own small font where
/// no outline font is installed.
cimage_text cimage_draw_text(const char *text, double size, int32_t bold);

/// Frees what the functions above return.
void cimage_free(void *memory);

#endif
