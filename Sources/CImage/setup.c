#include "setup.h"

#include <gd.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <tiffio.h>

static _Thread_local char message[200];

static void keep_message(int priority, const char *format, va_list arguments) {
  (void)priority;
  char text[sizeof message];
  vsnprintf(text, sizeof text, format, arguments);
  // gd follows libpng's reason with a line of its own.
  if (strstr(text, "setjmp returns") != NULL) return;
  static const char prefix[] = "libpng error: ";
  const char *reason = strstr(text, prefix);
  snprintf(message, sizeof message, "%s", reason == NULL ? text : reason + sizeof prefix - 1);
}

static void keep_tiff_message(const char *module, const char *format, va_list arguments) {
  (void)module;
  vsnprintf(message, sizeof message, format, arguments);
}

static void set_up(void) {
  gdSetErrorMethod(keep_message);
  TIFFSetErrorHandler(keep_tiff_message);
  TIFFSetWarningHandler(NULL);
  gdFTUseFontConfig(1);
  gdFontCacheSetup();
}

void cimage_set_up(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, set_up);
}

const char *cimage_message(void) { return message; }

void cimage_forget_message(void) { message[0] = '\0'; }
