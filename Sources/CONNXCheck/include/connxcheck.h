/// The model checker of libonnx behind a plain C interface.
#ifndef CONNXCHECK_H
#define CONNXCHECK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What the checker says of a model.
typedef enum {
  CONNXCHECK_VALID,
  CONNXCHECK_INVALID,      ///< the message says why
  CONNXCHECK_NOT_COVERED,  ///< the model is newer than the library; the message says in what
  CONNXCHECK_FAILED,       ///< the bytes are no ModelProto, or memory ran out
} connxcheck_verdict;

/// The newest opset of the standard operators that the library knows.
int64_t connxcheck_max_opset(void);

/// The newest IR version that the library knows.
int64_t connxcheck_max_ir_version(void);

/// Checks a serialized ModelProto. A message, cut to `capacity` and always ended by a NUL, is
/// written unless the model is valid.
connxcheck_verdict connxcheck_model(
  const void *bytes, size_t length, char *message, size_t capacity);

/// Checks the skeleton of a model that `connx_scan` made. Tensors without their data, cut out or
/// external, are replaced first: initializers by graph inputs of their type and shape, tensors in
/// attributes by empty ones.
connxcheck_verdict connxcheck_skeleton(
  const void *bytes, size_t length, char *message, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
