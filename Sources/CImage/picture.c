#include "cimage.h"

#include <gd.h>
#include <libexif/exif-data.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "setup.h"

static gdImagePtr decoded(cimage_format format, int count, void *bytes) {
  switch (format) {
    // 0: gd reports libjpeg's warnings, which tell truncated files.
    case CIMAGE_JPEG: return gdImageCreateFromJpegPtrEx(count, bytes, 0);
    case CIMAGE_PNG: return gdImageCreateFromPngPtr(count, bytes);
    case CIMAGE_WEBP: return gdImageCreateFromWebpPtr(count, bytes);
    case CIMAGE_BMP: return gdImageCreateFromBmpPtr(count, bytes);
    case CIMAGE_GIF: return gdImageCreateFromGifPtr(count, bytes);
    case CIMAGE_TIFF: return gdImageCreateFromTiffPtr(count, bytes);
  }
  return NULL;
}

/// Copies the pixels without their alpha; returns whether all of them were opaque.
static int32_t copy_opaque(gdImagePtr image, uint8_t *rgb) {
  int32_t opaque = 1;
  for (int y = 0; y < gdImageSY(image); y++)
    for (int x = 0; x < gdImageSX(image); x++) {
      const int pixel = gdImageTrueColor(image) ? gdImageTrueColorPixel(image, x, y)
                                                : gdImagePalettePixel(image, x, y);
      opaque &= gdImageAlpha(image, pixel) == gdAlphaOpaque;
      *rgb++ = (uint8_t)gdImageRed(image, pixel);
      *rgb++ = (uint8_t)gdImageGreen(image, pixel);
      *rgb++ = (uint8_t)gdImageBlue(image, pixel);
    }
  return opaque;
}

/// Puts the reason down in one line and returns 0.
static int32_t refuse(char *reason, size_t size, const char *text) {
  snprintf(reason, size, "%s", text);
  reason[strcspn(reason, "\r\n")] = '\0';
  return 0;
}

int32_t cimage_decode(cimage_format format, const uint8_t *bytes, size_t count, int32_t width,
                      int32_t height, uint8_t *rgb, char *reason, size_t reason_size) {
  cimage_set_up();
  if (count > INT_MAX) return refuse(reason, reason_size, "more than 2 GiB");
  cimage_forget_message();
  // gd takes a pointer to mutable bytes but only reads them.
  gdImagePtr image = decoded(format, (int)count, (void *)bytes);
  if (image == NULL) return refuse(reason, reason_size, cimage_message());

  int32_t success = 1;
  if (gdImageSX(image) != width || gdImageSY(image) != height)
    success = refuse(reason, reason_size, "its header and its pixels disagree on the size");
  // libjpeg fills what is missing with grey and only warns.
  else if (format == CIMAGE_JPEG && strstr(cimage_message(), "remature end") != NULL)
    success = refuse(reason, reason_size, "it ends early");
  // libtiff has multiplied the colours with the alpha: what was below is lost.
  else if (!copy_opaque(image, rgb) && format == CIMAGE_TIFF)
    success = refuse(reason, reason_size, "transparency is not supported");
  gdImageDestroy(image);
  return success;
}

int32_t cimage_exif_orientation(const uint8_t *exif, size_t count) {
  static const uint8_t prefix[] = {'E', 'x', 'i', 'f', 0, 0};
  if (count > UINT16_MAX) return 1;
  uint8_t *block = malloc(sizeof prefix + count);
  if (block == NULL) return 1;
  memcpy(block, prefix, sizeof prefix);
  memcpy(block + sizeof prefix, exif, count);

  int32_t orientation = 1;
  ExifData *data = exif_data_new_from_data(block, (unsigned)(sizeof prefix + count));
  if (data != NULL) {
    ExifEntry *entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    if (entry != NULL && entry->format == EXIF_FORMAT_SHORT && entry->size >= 2)
      orientation = exif_get_short(entry->data, exif_data_get_byte_order(data));
    exif_data_unref(data);
  }
  free(block);
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

uint8_t *cimage_encode_png(const uint8_t *rgb, int32_t width, int32_t height, size_t *count) {
  cimage_set_up();
  gdImagePtr image = gdImageCreateTrueColor(width, height);
  if (image == NULL) return NULL;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++, rgb += 3)
      gdImageTrueColorPixel(image, x, y) = gdTrueColor(rgb[0], rgb[1], rgb[2]);
  int size = 0;
  void *encoded = gdImagePngPtrEx(image, &size, 9);
  gdImageDestroy(image);

  uint8_t *copy = encoded == NULL ? NULL : malloc((size_t)size);
  if (copy != NULL) memcpy(copy, encoded, (size_t)size);
  *count = copy == NULL ? 0 : (size_t)size;
  gdFree(encoded);
  return copy;
}

void cimage_free(void *memory) { free(memory); }
