// The scan walks the wire format along the descriptors that protoc-c generated, so that it knows
// every message and field that protobuf-c would decode, and no other list of them exists.

#include <stdlib.h>
#include <string.h>

#include "connx.h"

enum { WIRE_VARINT = 0, WIRE_64BIT = 1, WIRE_LENGTH = 2, WIRE_32BIT = 5 };
enum { RAW_DATA = 9, FLOAT_DATA = 4, DOUBLE_DATA = 10, CUT = 536870911 };
enum { MAX_VARINT = 10 };

typedef struct {
  const uint8_t *start;  // of the file
  uint8_t *out;
  size_t written, capacity;
  size_t messages, dropped;
  connx_status status;
} scanner;

// The part of the file that one message takes, from the byte to read next.
typedef struct {
  const ProtobufCMessageDescriptor *type;
  const uint8_t *at, *end;
  uint64_t seen;  // fields met that may stand once, by their place in the descriptor
  bool cut;
} message_reader;

static bool fail(
  scanner *scan, const message_reader *reader, connx_code code, const uint8_t *at, uint64_t value) {
  scan->status = (connx_status){
    .code = code,
    .offset = (size_t)(at - scan->start),
    .value = value,
    .message = reader->type->short_name,
  };
  return false;
}

// Writing

static bool reserve(scanner *scan, const message_reader *reader, size_t count) {
  if (count <= scan->capacity - scan->written) return true;
  size_t capacity = scan->capacity + scan->capacity / 2 + count + 4096;
  uint8_t *out = realloc(scan->out, capacity);
  if (!out) return fail(scan, reader, CONNX_NO_MEMORY, reader->at, 0);
  scan->out = out;
  scan->capacity = capacity;
  return true;
}

static size_t varint_width(uint64_t value) {
  size_t width = 1;
  while (value >>= 7) width++;
  return width;
}

// A varint of a given width: continuation bits pad it, which decoders accept.
static void put_varint(uint8_t *to, uint64_t value, size_t width) {
  for (size_t index = 0; index < width; index++, value >>= 7) {
    to[index] = (uint8_t)((value & 0x7F) | (index + 1 < width ? 0x80 : 0));
  }
}

// Room for it must have been reserved.
static void append_varint(scanner *scan, uint64_t value) {
  size_t width = varint_width(value);
  put_varint(scan->out + scan->written, value, width);
  scan->written += width;
}

static void append_tag(scanner *scan, uint32_t field, uint8_t wire_type) {
  append_varint(scan, (uint64_t)field << 3 | wire_type);
}

static bool append_payload(
  scanner *scan, const message_reader *reader, uint32_t field, const uint8_t *bytes, size_t length
) {
  if (!reserve(scan, reader, 2 * MAX_VARINT + length)) return false;
  append_tag(scan, field, WIRE_LENGTH);
  append_varint(scan, length);
  memcpy(scan->out + scan->written, bytes, length);
  scan->written += length;
  return true;
}

static bool append_cut(
  scanner *scan, const message_reader *reader, uint32_t field, const uint8_t *bytes, size_t length
) {
  if (!reserve(scan, reader, 8 * MAX_VARINT)) return false;
  uint64_t offset = (uint64_t)(bytes - scan->start);
  append_tag(scan, CUT, WIRE_LENGTH);
  append_varint(scan, 3 + varint_width(field) + varint_width(offset) + varint_width(length));
  append_tag(scan, 1, WIRE_VARINT);
  append_varint(scan, field);
  append_tag(scan, 2, WIRE_VARINT);
  append_varint(scan, offset);
  append_tag(scan, 3, WIRE_VARINT);
  append_varint(scan, length);
  return true;
}

// Reading

static bool read_varint(scanner *scan, message_reader *reader, uint64_t *value) {
  const uint8_t *start = reader->at;
  uint64_t result = 0;
  for (int index = 0; index < MAX_VARINT; index++) {
    if (reader->at == reader->end) return fail(scan, reader, CONNX_TRUNCATED, start, 0);
    uint8_t byte = *reader->at++;
    if (index == MAX_VARINT - 1 && byte > 1) break;
    result |= (uint64_t)(byte & 0x7F) << (7 * index);
    if (!(byte & 0x80)) {
      *value = result;
      return true;
    }
  }
  return fail(scan, reader, CONNX_VARINT, start, 0);
}

static bool read_length(scanner *scan, message_reader *reader, size_t *length) {
  const uint8_t *start = reader->at;
  uint64_t value;
  if (!read_varint(scan, reader, &value)) return false;
  if (value > (uint64_t)(reader->end - reader->at)) {
    return fail(scan, reader, CONNX_LENGTH, start, value);
  }
  *length = (size_t)value;
  return true;
}

static bool skip_bytes(scanner *scan, message_reader *reader, size_t count) {
  if (count > (size_t)(reader->end - reader->at)) {
    return fail(scan, reader, CONNX_TRUNCATED, reader->at, 0);
  }
  reader->at += count;
  return true;
}

static bool skip_field(scanner *scan, message_reader *reader, uint8_t wire_type) {
  uint64_t number;
  size_t length;
  switch (wire_type) {
  case WIRE_VARINT: return read_varint(scan, reader, &number);
  case WIRE_64BIT: return skip_bytes(scan, reader, 8);
  case WIRE_32BIT: return skip_bytes(scan, reader, 4);
  default:
    if (!read_length(scan, reader, &length)) return false;
    reader->at += length;
    return true;
  }
}

// Checking

static uint8_t wire_type_of(ProtobufCType type) {
  switch (type) {
  case PROTOBUF_C_TYPE_FLOAT:
  case PROTOBUF_C_TYPE_FIXED32:
  case PROTOBUF_C_TYPE_SFIXED32: return WIRE_32BIT;
  case PROTOBUF_C_TYPE_DOUBLE:
  case PROTOBUF_C_TYPE_FIXED64:
  case PROTOBUF_C_TYPE_SFIXED64: return WIRE_64BIT;
  case PROTOBUF_C_TYPE_STRING:
  case PROTOBUF_C_TYPE_BYTES:
  case PROTOBUF_C_TYPE_MESSAGE: return WIRE_LENGTH;
  default: return WIRE_VARINT;
  }
}

static bool is_number(const ProtobufCFieldDescriptor *field) {
  return wire_type_of(field->type) != WIRE_LENGTH;
}

// Marks a field that may stand once, with the other members of its oneof.
static bool note_single(
  scanner *scan, message_reader *reader, const ProtobufCFieldDescriptor *field, const uint8_t *tag
) {
  if (field->label == PROTOBUF_C_LABEL_REPEATED) return true;
  const ProtobufCFieldDescriptor *fields = reader->type->fields;
  uint64_t bit = (uint64_t)1 << (field - fields);
  if (reader->seen & bit) return fail(scan, reader, CONNX_REPEATED, tag, field->id);
  reader->seen |= bit;
  if (!(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)) return true;
  for (unsigned index = 0; index < reader->type->n_fields; index++) {
    if (fields[index].flags & PROTOBUF_C_FIELD_FLAG_ONEOF
        && fields[index].quantifier_offset == field->quantifier_offset) {
      reader->seen |= (uint64_t)1 << index;
    }
  }
  return true;
}

static bool in_range(const ProtobufCFieldDescriptor *field, uint64_t value) {
  if (field->type != PROTOBUF_C_TYPE_INT32) return true;
  int64_t number = (int64_t)value;
  return number >= INT32_MIN && number <= INT32_MAX;
}

// UTF-8 of U+0001 and more, without surrogates and overlong forms (RFC 3629).
static bool is_text(const uint8_t *at, const uint8_t *end) {
  while (at < end) {
    uint8_t lead = *at++;
    if (lead == 0) return false;
    if (lead < 0x80) continue;
    if (lead < 0xC2 || lead > 0xF4) return false;
    int more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    if (end - at < more) return false;
    uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    for (; more > 0; more--, at++, low = 0x80, high = 0xBF) {
      if (*at < low || *at > high) return false;
    }
  }
  return true;
}

static bool check_packed(
  scanner *scan, const message_reader *reader, const ProtobufCFieldDescriptor *field,
  const uint8_t *bytes, size_t length
) {
  uint8_t wire_type = wire_type_of(field->type);
  if (wire_type != WIRE_VARINT) {
    size_t size = wire_type == WIRE_32BIT ? 4 : 8;
    return length % size == 0 || fail(scan, reader, CONNX_PACKED, bytes, length);
  }
  message_reader numbers = {.type = reader->type, .at = bytes, .end = bytes + length};
  while (numbers.at < numbers.end) {
    const uint8_t *start = numbers.at;
    uint64_t value;
    if (!read_varint(scan, &numbers, &value)) return false;
    if (!in_range(field, value)) return fail(scan, reader, CONNX_RANGE, start, value);
  }
  return true;
}

// The fields

static bool scan_number(
  scanner *scan, message_reader *reader, const ProtobufCFieldDescriptor *field, uint8_t wire_type
) {
  const uint8_t *start = reader->at;
  if (!reserve(scan, reader, 2 * MAX_VARINT)) return false;
  append_tag(scan, field->id, wire_type);
  if (wire_type == WIRE_VARINT) {
    uint64_t value;
    if (!read_varint(scan, reader, &value)) return false;
    if (!in_range(field, value)) return fail(scan, reader, CONNX_RANGE, start, value);
    append_varint(scan, value);
    return true;
  }
  size_t size = wire_type == WIRE_32BIT ? 4 : 8;
  if (!skip_bytes(scan, reader, size)) return false;
  memcpy(scan->out + scan->written, start, size);
  scan->written += size;
  return true;
}

static bool is_cuttable(const message_reader *reader, uint32_t field) {
  return reader->type == &onnx__tensor_proto__descriptor
    && (field == RAW_DATA || field == FLOAT_DATA || field == DOUBLE_DATA);
}

static bool scan_payload(
  scanner *scan, message_reader *reader, const ProtobufCFieldDescriptor *field, size_t length) {
  const uint8_t *bytes = reader->at;
  reader->at += length;
  if (field->type == PROTOBUF_C_TYPE_STRING && !is_text(bytes, bytes + length)) {
    return fail(scan, reader, CONNX_TEXT, bytes, 0);
  }
  if (is_number(field) && !check_packed(scan, reader, field, bytes, length)) return false;
  if (length <= CONNX_CUT_ABOVE || !is_cuttable(reader, field->id)) {
    return append_payload(scan, reader, field->id, bytes, length);
  }
  if (reader->cut) return fail(scan, reader, CONNX_SPLIT_DATA, bytes, field->id);
  reader->cut = true;
  return append_cut(scan, reader, field->id, bytes, length);
}

static bool scan_fields(scanner *scan, message_reader *reader, int depth);

// A message only shrinks, so its length is written last, over as many bytes as the old one took.
static bool scan_message(
  scanner *scan, message_reader *reader, const ProtobufCFieldDescriptor *field, size_t length,
  int depth
) {
  if (depth >= CONNX_MAX_DEPTH) return fail(scan, reader, CONNX_TOO_DEEP, reader->at, 0);
  if (++scan->messages > CONNX_MAX_MESSAGES) {
    return fail(scan, reader, CONNX_TOO_MANY, reader->at, 0);
  }
  if (!reserve(scan, reader, 2 * MAX_VARINT)) return false;
  append_tag(scan, field->id, WIRE_LENGTH);
  size_t place = scan->written, width = varint_width(length);
  scan->written += width;
  message_reader inner = {
    .type = field->descriptor, .at = reader->at, .end = reader->at + length};
  if (!scan_fields(scan, &inner, depth + 1)) return false;
  reader->at += length;
  put_varint(scan->out + place, scan->written - place - width, width);
  return true;
}

static bool scan_field(scanner *scan, message_reader *reader, int depth) {
  const uint8_t *start = reader->at;
  uint64_t tag;
  if (!read_varint(scan, reader, &tag)) return false;
  uint8_t wire_type = tag & 7;
  uint64_t number = tag >> 3;
  if (number == 0 || number > CUT) return fail(scan, reader, CONNX_TAG, start, number);
  if (wire_type != WIRE_VARINT && wire_type != WIRE_64BIT && wire_type != WIRE_LENGTH
      && wire_type != WIRE_32BIT) {
    return fail(scan, reader, CONNX_WIRE_TYPE, start, wire_type);
  }
  const ProtobufCFieldDescriptor *field =
    protobuf_c_message_descriptor_get_field(reader->type, (unsigned)number);
  if (!field) {
    scan->dropped++;
    return skip_field(scan, reader, wire_type);
  }
  if (number == CUT) return fail(scan, reader, CONNX_RESERVED, start, number);
  bool packed =
    wire_type == WIRE_LENGTH && field->label == PROTOBUF_C_LABEL_REPEATED && is_number(field);
  if (wire_type != wire_type_of(field->type) && !packed) {
    return fail(scan, reader, CONNX_WIRE_TYPE, start, wire_type);
  }
  if (!note_single(scan, reader, field, start)) return false;
  if (wire_type != WIRE_LENGTH) return scan_number(scan, reader, field, wire_type);
  size_t length;
  if (!read_length(scan, reader, &length)) return false;
  return field->type == PROTOBUF_C_TYPE_MESSAGE
    ? scan_message(scan, reader, field, length, depth)
    : scan_payload(scan, reader, field, length);
}

static bool scan_fields(scanner *scan, message_reader *reader, int depth) {
  while (reader->at < reader->end) {
    if (!scan_field(scan, reader, depth)) return false;
  }
  return true;
}

connx_status connx_scan(
  const uint8_t *bytes, size_t length, connx_root root, connx_skeleton *skeleton) {
  scanner scan = {.start = bytes, .status = {.code = CONNX_OK, .message = ""}};
  message_reader reader = {
    .type = root == CONNX_MODEL ? &onnx__model_proto__descriptor : &onnx__tensor_proto__descriptor,
    .at = bytes,
    .end = bytes + length,
  };
  *skeleton = (connx_skeleton){0};
  if (length > INT32_MAX) {
    fail(&scan, &reader, CONNX_TOO_LARGE, bytes, length);
  } else if (scan_fields(&scan, &reader, 1)) {
    *skeleton = (connx_skeleton){scan.out, scan.written, scan.dropped};
  }
  if (scan.status.code != CONNX_OK) free(scan.out);
  return scan.status;
}

void connx_skeleton_free(connx_skeleton *skeleton) {
  free(skeleton->bytes);
  *skeleton = (connx_skeleton){0};
}
