#include "cimage.h"

#include <gd.h>
#include <gdfontl.h>
#include <gdfonts.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "setup.h"

/// The text with `&` spelled out: gd reads HTML entities.
static char *escaped(const char *text) {
  size_t size = 1;
  for (const char *c = text; *c; c++) size += *c == '&' ? 5 : 1;
  char *copy = malloc(size), *end = copy;
  if (copy == NULL) return NULL;
  for (const char *c = text; *c; c++) {
    if (*c == '&') {
      memcpy(end, "&amp;", 5);
      end += 5;
    } else {
      *end++ = *c;
    }
  }
  *end = '\0';
  return copy;
}

static cimage_text mask(gdImagePtr image, int32_t ascent) {
  cimage_text text = {gdImageSX(image), gdImageSY(image), ascent, NULL};
  text.coverage = malloc((size_t)text.width * (size_t)text.height);
  uint8_t *next = text.coverage;
  for (int y = 0; next != NULL && y < text.height; y++)
    for (int x = 0; x < text.width; x++)
      *next++ = (uint8_t)gdTrueColorGetRed(gdImageTrueColorPixel(image, x, y));
  gdImageDestroy(image);
  return text;
}

static cimage_text bitmap_text(const char *string, double size) {
  const gdFontPtr font = size < 14 ? gdFontGetSmall() : gdFontGetLarge();
  const cimage_text none = {0, 0, 0, NULL};
  const size_t length = strlen(string);
  if (length == 0 || length > 4096) return none;
  gdImagePtr image = gdImageCreateTrueColor((int)length * font->w, font->h);
  if (image == NULL) return none;
  for (size_t i = 0; i < length; i++)
    gdImageChar(image, font, (int)i * font->w, 0, (unsigned char)string[i], 0xFFFFFF);
  return mask(image, font->h * 3 / 4);
}

cimage_text cimage_draw_text(const char *string, double size, int32_t bold) {
  cimage_set_up();
  char *text = escaped(string);
  if (text == NULL) return (cimage_text){0, 0, 0, NULL};
  // At 72 dots per inch, gd's points are pixels.
  gdFTStringExtra extra = {.flags = gdFTEX_RESOLUTION, .hdpi = 72, .vdpi = 72};
  char *font = bold ? "DejaVu Sans:bold" : "DejaVu Sans";
  const int ascent = (int)ceil(size), descent = (int)ceil(size * 0.3);

  int corners[8];
  char *failure = gdImageStringFTEx(NULL, corners, 0, font, size, 0, 0, 0, text, &extra);
  gdImagePtr image = NULL;
  if (failure == NULL && corners[2] > 0)
    image = gdImageCreateTrueColor(corners[2] + 1, ascent + descent);
  if (image != NULL)
    failure = gdImageStringFTEx(image, corners, 0xFFFFFF, font, size, 0, 0, ascent, text, &extra);
  free(text);

  if (failure != NULL && image != NULL) gdImageDestroy(image);
  if (failure != NULL) return bitmap_text(string, size);
  return image == NULL ? (cimage_text){0, 0, 0, NULL} : mask(image, ascent);
}
