#ifndef CIMAGE_SETUP_H
#define CIMAGE_SETUP_H

/// Silences the libraries, which print to stderr by default, and readies the font cache; once.
void cimage_set_up(void);

/// What gd last complained about on this thread; empty if nothing since `cimage_forget_message`.
const char *cimage_message(void);
void cimage_forget_message(void);

#endif
