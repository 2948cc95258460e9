import CONNX

/// Why bytes are not a message that we decode.
package struct WireError: Error, Hashable, CustomStringConvertible {
  /// The kinds of fault.
  package enum Kind: Hashable, Sendable {
    case tooLarge, truncated, length, varint, range, tag, wireType, packed, text, repeated
    case reserved, splitData, tooDeep, tooMany, noMemory, overBudget, undecodable
  }

  /// The kind of fault.
  package let kind: Kind
  /// The byte of the file at fault.
  package let offset: Int
  /// The number at fault, for the kinds that have one.
  package let value: UInt64
  /// The message type at fault, such as `NodeProto`.
  package let message: String

  /// Nil if the status is success.
  init?(_ status: connx_status) {
    switch status.code {
    case CONNX_OK: return nil
    case CONNX_TOO_LARGE: kind = .tooLarge
    case CONNX_TRUNCATED: kind = .truncated
    case CONNX_LENGTH: kind = .length
    case CONNX_VARINT: kind = .varint
    case CONNX_RANGE: kind = .range
    case CONNX_TAG: kind = .tag
    case CONNX_WIRE_TYPE: kind = .wireType
    case CONNX_PACKED: kind = .packed
    case CONNX_TEXT: kind = .text
    case CONNX_REPEATED: kind = .repeated
    case CONNX_RESERVED: kind = .reserved
    case CONNX_SPLIT_DATA: kind = .splitData
    case CONNX_TOO_DEEP: kind = .tooDeep
    case CONNX_TOO_MANY: kind = .tooMany
    case CONNX_NO_MEMORY: kind = .noMemory
    case CONNX_OVER_BUDGET: kind = .overBudget
    default: kind = .undecodable
    }
    offset = status.offset
    value = status.value
    message = String(cString: status.message)
  }

  private var reason: String {
    switch kind {
    case .tooLarge: "\(value) bytes are more than the 2 GiB that a protobuf message may have"
    case .truncated: "the message ends inside a field"
    case .length: "length \(value) runs past the end of the message"
    case .varint: "a varint is longer than 64 bits"
    case .range: "\(Int64(bitPattern: value)) does not fit a 32-bit field"
    case .tag: "\(value) is not a field number"
    case .wireType: "wire type \(value) is wrong here"
    case .packed: "\(value) bytes of packed numbers end inside a number"
    case .text: "a string is not UTF-8 text"
    case .repeated: "field \(value) occurs twice"
    case .reserved: "field \(value) is reserved"
    case .splitData: "the elements are split over several fields"
    case .tooDeep: "messages are nested deeper than \(CONNX_MAX_DEPTH)"
    case .tooMany: "there are more than \(CONNX_MAX_MESSAGES) messages"
    case .noMemory: "there is not enough memory to decode it"
    case .overBudget: "decoding needs more than \(value >> 20) MiB, far more than a real model"
    case .undecodable: "the message cannot be decoded"
    }
  }

  /// Place and reason: `byte 1234 (NodeProto): length 99 runs past the end of the message`.
  package var description: String {
    switch kind {
    case .tooLarge, .noMemory, .overBudget, .undecodable: reason
    default: "byte \(offset) (\(message)): \(reason)"
    }
  }
}
