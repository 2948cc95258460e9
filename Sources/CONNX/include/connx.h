/// Reads ONNX messages from bytes that nobody vouches for, without copying weights.
///
/// `connx_scan` checks the wire format of a mapped file and writes a *skeleton*: the same message
/// without the payloads of large tensors and without unknown fields. `connx_decode` hands the
/// skeleton to protobuf-c under a memory budget. protobuf-c itself bounds neither its recursion nor
/// its allocations, so it sees nothing that the scan did not pass.
#ifndef CONNX_H
#define CONNX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "onnx.pb-c.h"

// Messages

/// The type of the outermost message of a file.
typedef enum {
  CONNX_MODEL,   ///< ModelProto: a model
  CONNX_TENSOR,  ///< TensorProto: the `.pb` files that accompany the ONNX test cases
} connx_root;

/// Why a message was refused.
typedef enum {
  CONNX_OK,
  CONNX_TOO_LARGE,         ///< 2 GiB or more, which no protobuf message is; `value`: its length
  CONNX_TRUNCATED,         ///< a number or tag runs past the end of the message that holds it
  CONNX_LENGTH,            ///< a length runs past that end; `value`: the length
  CONNX_VARINT,            ///< a varint has more than ten bytes or 64 bits
  CONNX_RANGE,             ///< an int32 field holds a larger number; `value`: its bits
  CONNX_TAG,               ///< no field has this number; `value`: the number
  CONNX_WIRE_TYPE,         ///< no field, or not this one, has that wire type; `value`: the wire type
  CONNX_PACKED,            ///< packed numbers do not fill their length; `value`: the length
  CONNX_TEXT,              ///< a string is not UTF-8 or holds a NUL
  CONNX_REPEATED,          ///< a field that stands once occurs twice; `value`: its number
  CONNX_RESERVED,          ///< the file uses the number that the scan marks cut tensors with
  CONNX_SPLIT_DATA,        ///< a tensor has a second large payload; `value`: its field number
  CONNX_TOO_DEEP,          ///< messages nest deeper than `CONNX_MAX_DEPTH`
  CONNX_TOO_MANY,          ///< more messages than `CONNX_MAX_MESSAGES`
  CONNX_NO_MEMORY,         ///< the system gave no memory
  CONNX_OVER_BUDGET,       ///< decoding needs more memory than allowed; `value`: the budget
  CONNX_UNDECODABLE,       ///< protobuf-c refused the skeleton
} connx_code;

/// What a scan or a decoding came to.
typedef struct {
  connx_code code;
  size_t offset;         ///< the byte of the file at fault
  uint64_t value;        ///< see `connx_code`
  const char *message;   ///< the message type at fault, as in "NodeProto"; static
} connx_status;

enum {
  /// Levels of nested messages, the outermost included.
  CONNX_MAX_DEPTH = 64,
  /// Nested messages in all.
  CONNX_MAX_MESSAGES = 1 << 22,
  /// Payloads of more bytes than this are cut out.
  CONNX_CUT_ABOVE = 1024,
};

/// A checked message without large payloads, in canonical wire format but for the lengths of
/// messages that something was left out of, which keep the width they had.
typedef struct {
  uint8_t *bytes;  ///< from malloc
  size_t length;   ///< at most the length of the file
  size_t dropped;  ///< fields left out because the schema does not know them
} connx_skeleton;

/// Checks `bytes` and makes their skeleton. A tensor whose `raw_data`, or packed `float_data` or
/// `double_data`, is longer than `CONNX_CUT_ABOVE` carries a `Cut` instead.
connx_status connx_scan(
  const uint8_t *bytes, size_t length, connx_root root, connx_skeleton *skeleton);

/// Frees what `connx_scan` made.
void connx_skeleton_free(connx_skeleton *skeleton);

/// The memory that decoding a skeleton of this length may take.
///
/// An empty NodeProto is two bytes on the wire and about 180 in memory, so a hostile file can ask
/// for ninety times its size; real models stay under thirty. Small skeletons get 64 bytes for a
/// byte over a floor of 64 MiB. Past 16 MiB only packed integers make skeletons long, and those
/// need at most 8 bytes for a byte.
size_t connx_budget(size_t skeleton_length);

/// A decoded message and the memory that it lies in, all of which was zeroed.
typedef struct {
  const ProtobufCMessage *message;  ///< an `Onnx__ModelProto` or `Onnx__TensorProto`
  void *memory;
} connx_decoded;

/// Decodes a skeleton, with at most `budget` bytes of memory.
connx_status connx_decode(
  const connx_skeleton *skeleton, connx_root root, size_t budget, connx_decoded *decoded);

/// Frees what `connx_decode` made.
void connx_decoded_free(connx_decoded *decoded);

// Files

/// Why a file was not mapped.
typedef enum {
  CONNX_FILE_OK,
  CONNX_FILE_MISSING,        ///< there is none
  CONNX_FILE_DENIED,         ///< it may not be read
  CONNX_FILE_DIRECTORY,      ///< it is a folder
  CONNX_FILE_IRREGULAR,      ///< it is a device, pipe or socket
  CONNX_FILE_EMPTY,          ///< it holds no bytes
  CONNX_FILE_FAILED,         ///< anything else; see `error`
  CONNX_NAME_EMPTY,          ///< external data: the location is empty
  CONNX_NAME_NUL,            ///< ... or holds a NUL
  CONNX_NAME_ABSOLUTE,       ///< ... or starts with a slash
  CONNX_NAME_PARENT,         ///< ... or has a component `..`
  CONNX_NAME_FOREIGN,        ///< ... or has a backslash or a drive letter
  CONNX_NAME_IN_MEMORY,      ///< ... or is one of onnxruntime's tags for an address in memory
  CONNX_NAME_TOO_LONG,       ///< ... or has more than 4095 bytes
  CONNX_FILE_SYMBOLIC_LINK,  ///< external data: a component is a symbolic link
  CONNX_FILE_HARD_LINK,      ///< ... or the file has a second name, perhaps outside the folder
} connx_file_code;

/// What mapping a file came to.
typedef struct {
  connx_file_code code;
  int error;  ///< errno where `code` is `CONNX_FILE_FAILED`, else 0
} connx_file_status;

/// A file's bytes, read-only. Whoever truncates the file meanwhile ends the process by SIGBUS.
typedef struct {
  const uint8_t *bytes;
  size_t length;
} connx_mapping;

/// Maps a regular file that is not empty.
connx_file_status connx_map_file(const char *path, connx_mapping *mapping);

/// Unmaps a file.
void connx_unmap(connx_mapping *mapping);

/// Opens a folder to pass to `connx_map_beside`; -1 and errno where it cannot.
int connx_open_folder(const char *path);

/// Closes a folder.
void connx_close_folder(int folder);

/// Maps the file of external tensor data `location`, a relative path of `length` bytes that stays
/// inside `folder`: no link, symbolic or hard, leads out of it. The rules are those of
/// <https://onnx.ai/onnx/repo-docs/ExternalData.html> and its security notes.
connx_file_status connx_map_beside(
  int folder, const char *location, size_t length, connx_mapping *mapping);

/// The same by walking from component to component, as on kernels without openat2(2).
connx_file_status connx_map_beside_walking(
  int folder, const char *location, size_t length, connx_mapping *mapping);

#endif
