// protobuf-c allocates from an arena: zeroed, counted, and freed at once with the message.

#include <stdlib.h>

#include "connx.h"

enum { BLOCK = 1 << 16, ALIGNMENT = 16 };

typedef struct block {
  struct block *next;
  _Alignas(ALIGNMENT) uint8_t bytes[];
} block;

typedef struct {
  block *blocks;
  uint8_t *free;
  size_t left;    // bytes at `free`
  size_t budget;  // bytes that may still be handed out
  bool over, exhausted;
} arena;

static void *arena_allocate(void *context, size_t size) {
  arena *arena = context;
  if (size > SIZE_MAX - ALIGNMENT) size = SIZE_MAX - ALIGNMENT;
  size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  if (rounded == 0) rounded = ALIGNMENT;
  if (rounded > arena->budget) {
    arena->over = true;
    return NULL;
  }
  if (rounded > arena->left) {
    size_t capacity = rounded > BLOCK ? rounded : BLOCK;
    if (capacity > SIZE_MAX - sizeof(block)) return NULL;
    block *fresh = calloc(1, sizeof(block) + capacity);
    if (!fresh) {
      arena->exhausted = true;
      return NULL;
    }
    fresh->next = arena->blocks;
    arena->blocks = fresh;
    arena->free = fresh->bytes;
    arena->left = capacity;
  }
  void *result = arena->free;
  arena->free += rounded;
  arena->left -= rounded;
  arena->budget -= rounded;
  return result;
}

static void arena_release(void *context, void *pointer) {
  (void)context;
  (void)pointer;
}

static void free_blocks(block *blocks) {
  while (blocks) {
    block *next = blocks->next;
    free(blocks);
    blocks = next;
  }
}

size_t connx_budget(size_t skeleton_length) {
  const size_t mebi = (size_t)1 << 20, knee = 16 * mebi;
  return skeleton_length <= knee
    ? 64 * mebi + 64 * skeleton_length
    : 64 * mebi + 64 * knee + 8 * (skeleton_length - knee);
}

connx_status connx_decode(
  const connx_skeleton *skeleton, connx_root root, size_t budget, connx_decoded *decoded) {
  const ProtobufCMessageDescriptor *type =
    root == CONNX_MODEL ? &onnx__model_proto__descriptor : &onnx__tensor_proto__descriptor;
  arena arena = {.budget = budget};
  ProtobufCAllocator allocator = {arena_allocate, arena_release, &arena};
  ProtobufCMessage *message =
    protobuf_c_message_unpack(type, &allocator, skeleton->length, skeleton->bytes);
  *decoded = (connx_decoded){0};
  if (message) {
    *decoded = (connx_decoded){message, arena.blocks};
    return (connx_status){.code = CONNX_OK, .message = ""};
  }
  free_blocks(arena.blocks);
  connx_code code = arena.over      ? CONNX_OVER_BUDGET
                  : arena.exhausted ? CONNX_NO_MEMORY
                                    : CONNX_UNDECODABLE;
  return (connx_status){.code = code, .value = budget, .message = type->short_name};
}

void connx_decoded_free(connx_decoded *decoded) {
  free_blocks(decoded->memory);
  *decoded = (connx_decoded){0};
}
