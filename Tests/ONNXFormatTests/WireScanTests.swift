import CONNX
import ONNXFormat
import Testing

/// Every way for bytes to be no message: each is refused with its kind and place.
struct WireScanTests {
  private func scan(
    _ bytes: [UInt8], as root: connx_root = CONNX_MODEL
  ) -> Result<DecodedMessage, WireError> {
    // On the heap at its exact size, so that a sanitizer sees a read past the end.
    let copy = FileBytes(copying: bytes)
    return Result { () throws(WireError) in try DecodedMessage(copy, as: root) }
  }

  private func skeleton(_ bytes: [UInt8], as root: connx_root = CONNX_MODEL) throws -> [UInt8] {
    try scan(bytes, as: root).get().withSkeleton { Array($0) }
  }

  private func error(_ bytes: [UInt8], as root: connx_root = CONNX_MODEL) throws -> WireError {
    guard case .failure(let error) = scan(bytes, as: root) else {
      throw Unexpected("\(bytes.count) bytes were accepted")
    }
    return error
  }

  @Test func lengthPastTheEnd() throws {
    let error = try error(Wire.number(1, 7) + Wire.tag(7, 2) + Wire.varint(99) + [1, 2])
    #expect(error.kind == .length)
    #expect(error.description == "byte 3 (ModelProto): length 99 runs past the end of the message")
  }

  @Test func lengthPastTheEndOfTheInnerMessage() throws {
    // The file goes on, the graph does not.
    let graph = Wire.tag(2, 2) + Wire.varint(5) + [65]
    let error = try error(Wire.bytes(7, graph) + Wire.text(6, "more text"))
    #expect(error.kind == .length)
    #expect(error.message == "GraphProto")
    #expect(error.offset == 3)
  }

  @Test(arguments: [UInt64(1) << 31, 1 << 32, (1 << 32) - 1, 1 << 63, .max])
  func hugeLength(length: UInt64) throws {
    let error = try error(Wire.tag(7, 2) + Wire.varint(length) + [0])
    #expect(error.kind == .length)
    #expect(error.value == length)
  }

  @Test func varintThatEndsTooLate() throws {
    let tooLong = [UInt8](repeating: 0x80, count: 10) + [1]
    #expect(try error(Wire.tag(1, 0) + tooLong).kind == .varint)
    #expect(try error(tooLong).kind == .varint)
    #expect(try error(Wire.tag(7, 2) + tooLong).kind == .varint)
    let tooLarge = [UInt8](repeating: 0xFF, count: 9) + [2]
    #expect(try error(Wire.tag(1, 0) + tooLarge).kind == .varint)
  }

  @Test func truncatedFields() throws {
    #expect(try error([0x80]).kind == .truncated)
    #expect(try error(Wire.tag(1, 0)).kind == .truncated)
    #expect(try error(Wire.tag(7, 2)).kind == .truncated)
    #expect(try error(Wire.tag(100, 1) + [1, 2, 3]).kind == .truncated)
    #expect(try error(Wire.tag(100, 5) + [1, 2, 3]).kind == .truncated)
  }

  @Test func fieldNumbersThatDoNotExist() throws {
    #expect(try error([0]).kind == .tag)
    #expect(try error([2]).kind == .tag)
    #expect(try error(Wire.varint(UInt64(1) << 32)).kind == .tag)
    #expect(try error(Wire.varint(.max)).kind == .tag)
  }

  @Test(arguments: [3, 4, 6, 7] as [UInt64])
  func wireTypesThatDoNotExist(wireType: UInt64) throws {
    let error = try error(Wire.tag(100, wireType))
    #expect(error.kind == .wireType)
    #expect(error.value == wireType)
  }

  @Test func wireTypesOfOtherFields() throws {
    #expect(try error(Wire.tag(1, 5) + [0, 0, 0, 0]).kind == .wireType)
    #expect(try error(Wire.number(7, 1)).kind == .wireType)
    #expect(try error(Wire.bytes(1, [1])).kind == .wireType)
    // Packed floats are numbers of four bytes, not varints.
    #expect(try error(Wire.number(4, 1), as: CONNX_TENSOR).kind == .wireType)
  }

  @Test func numbersThatDoNotFit() throws {
    #expect(try error(Wire.number(2, 1 << 31), as: CONNX_TENSOR).kind == .range)
    #expect(try error(Wire.number(2, -(1 << 31) - 1), as: CONNX_TENSOR).kind == .range)
    let packed = Wire.varint(5) + Wire.varint(1 << 40)
    #expect(try error(Wire.bytes(5, packed), as: CONNX_TENSOR).kind == .range)
  }

  @Test func packedNumbersThatEndEarly() throws {
    #expect(try error(Wire.bytes(4, [0, 0, 0, 0, 0]), as: CONNX_TENSOR).kind == .packed)
    #expect(try error(Wire.bytes(10, [0, 0, 0, 0]), as: CONNX_TENSOR).kind == .packed)
    #expect(try error(Wire.bytes(7, [1, 0x80]), as: CONNX_TENSOR).kind == .truncated)
  }

  @Test(
    arguments: [
      [65, 0, 66], [0x80], [0xC0, 0x80], [0xC3], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
      [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFF],
    ] as [[UInt8]])
  func textThatIsNone(bytes: [UInt8]) throws {
    #expect(try error(Wire.bytes(2, bytes)).kind == .text)
  }

  @Test(arguments: ["", "plain", "é", "日本", "𝄞", "\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}"])
  func textInAnyLanguage(text: String) throws {
    #expect(try skeleton(Wire.text(2, text)) == Wire.text(2, text))
  }

  @Test func fieldsThatOccurTwice() throws {
    #expect(try error(Wire.number(1, 7) + Wire.number(1, 7)).kind == .repeated)
    #expect(try error(Wire.bytes(7, []) + Wire.bytes(7, [])).kind == .repeated)
    // Two members of a oneof: an extent by number and by name.
    let dimension = Wire.number(1, 3) + Wire.text(2, "n")
    let type = Wire.message(1, Wire.message(2, Wire.bytes(1, dimension)))
    let input = Wire.message(7, Wire.message(11, Wire.bytes(2, type)))
    #expect(try error(input).kind == .repeated)
  }

  @Test func theMarkOfCutTensors() throws {
    let mark = Wire.bytes(536_870_911, Wire.number(2, 0))
    #expect(try error(mark, as: CONNX_TENSOR).kind == .reserved)
    let initializer = Wire.message(7, Wire.bytes(5, mark))
    #expect(try error(initializer).kind == .reserved)
  }

  @Test func payloadsSplitInTwo() throws {
    let large = [UInt8](repeating: 0, count: 2048)
    let twice = Wire.bytes(4, large) + Wire.bytes(9, large)
    #expect(try error(twice, as: CONNX_TENSOR).kind == .splitData)
  }

  /// Model, graph, node, attribute, and round again.
  @Test(arguments: [65, 66, 100_000])
  func nestingTooDeep(depth: Int) throws {
    let path = [7] + Array(repeating: [1, 5, 6], count: depth / 3 + 1).joined()
    // The model itself is the first level.
    #expect(try error(Wire.nested(path, depth: depth - 1)).kind == .tooDeep)
  }

  @Test func nestingDeepEnough() throws {
    let path = [7] + Array(repeating: [1, 5, 6], count: 30).joined()
    _ = try scan(Wire.nested(path, depth: 63)).get()
  }

  @Test func typesNestedTooDeep() throws {
    let type = Wire.nested([4, 1], depth: 100_000)
    let input = Wire.message(7, Wire.message(11, Wire.bytes(2, type)))
    #expect(try error(input).kind == .tooDeep)
  }

  @Test func millionsOfEmptyNodes() throws {
    let nodes = [UInt8](repeating: 0, count: 10_000_000).enumerated().map {
      $0.offset % 2 == 0 ? 0x0A as UInt8 : 0
    }
    #expect(try error(Wire.bytes(7, nodes)).kind == .tooMany)
  }

  @Test func memoryBudget() {
    let nodes = [[UInt8]](repeating: [0x0A, 0], count: 100_000).joined()
    let bytes = Wire.bytes(7, Array(nodes))
    var skeleton = connx_skeleton()
    var decoded = connx_decoded()
    #expect(connx_scan(bytes, bytes.count, CONNX_MODEL, &skeleton).code == CONNX_OK)
    let status = connx_decode(&skeleton, CONNX_MODEL, 1 << 20, &decoded)
    #expect(status.code == CONNX_OVER_BUDGET)
    #expect(decoded.message == nil)
    let enough = connx_budget(skeleton.length)
    #expect(connx_decode(&skeleton, CONNX_MODEL, enough, &decoded).code == CONNX_OK)
    connx_decoded_free(&decoded)
    connx_skeleton_free(&skeleton)
  }

  /// Memory may run out at any allocation.
  @Test func everyBudget() {
    let bytes = Array(smallModel().joined())
    var skeleton = connx_skeleton()
    #expect(connx_scan(bytes, bytes.count, CONNX_MODEL, &skeleton).code == CONNX_OK)
    for budget in stride(from: 0, through: 8192, by: 16) {
      var decoded = connx_decoded()
      let code = connx_decode(&skeleton, CONNX_MODEL, budget, &decoded).code
      #expect(code == CONNX_OK || code == CONNX_OVER_BUDGET)
      connx_decoded_free(&decoded)
    }
    connx_skeleton_free(&skeleton)
  }

  @Test func filesOverTwoGibibytes() {
    // The length is looked at before the bytes are.
    var skeleton = connx_skeleton()
    let status = [0 as UInt8].withUnsafeBufferPointer {
      connx_scan($0.baseAddress, 1 << 31, CONNX_MODEL, &skeleton)
    }
    #expect(status.code == CONNX_TOO_LARGE)
  }

  // MARK: What stays in the skeleton

  @Test func unknownFieldsAreDropped() throws {
    let known = Wire.number(1, 7)
    let unknown =
      Wire.number(1000, 1) + Wire.bytes(1001, [1, 2, 3]) + Wire.tag(1002, 1)
      + [UInt8](repeating: 0, count: 8) + Wire.tag(1003, 5) + [0, 0, 0, 0]
    let message = try scan(unknown + known).get()
    #expect(message.withSkeleton { Array($0) } == known)
    #expect(message.droppedFieldCount == 4)
  }

  @Test func soundMessagesStayAsTheyAre() throws {
    let bytes = Array(smallModel().joined())
    #expect(try skeleton(bytes) == bytes)
  }

  @Test func paddedVarintsAreShortened() throws {
    let padded = [0x88, 0x80, 0x00, 0x87, 0x80, 0x80, 0x00] as [UInt8]
    #expect(try skeleton(padded) == [0x08, 0x07])
  }

  @Test(arguments: [(9, 1024, false), (9, 1025, true), (4, 1028, true), (10, 1032, true)])
  func largePayloadsAreCutOut(field: Int, count: Int, isCut: Bool) throws {
    let head = Wire.number(2, 1)
    let bytes = head + Wire.bytes(field, [UInt8](repeating: 7, count: count))
    let actual = try skeleton(bytes, as: CONNX_TENSOR)
    let cut =
      head
      + Wire.message(
        536_870_911, Wire.number(1, Int64(field)), Wire.number(2, 5), Wire.number(3, Int64(count)))
    #expect(actual == (isCut ? cut : bytes))
  }

  @Test func packedIntegersAreNeverCutOut() throws {
    let bytes = Wire.bytes(7, [UInt8](repeating: 7, count: 5000))
    #expect(try skeleton(bytes, as: CONNX_TENSOR) == bytes)
  }
}

/// A test's surprise.
struct Unexpected: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
