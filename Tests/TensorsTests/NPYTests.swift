import Tensors
import Testing

@Suite struct NPYTests {
  /// What NumPy 2 writes for `dictionary`, padded as it does.
  private func file(
    _ dictionary: String, version: UInt8 = 1, _ payload: [UInt8]
  ) -> [UInt8] {
    let prefix = version == 1 ? 10 : 12
    let padding = 64 - (prefix + dictionary.utf8.count + 1) % 64
    let header = Array(dictionary.utf8) + Array(repeating: 0x20, count: padding % 64) + [0x0A]
    let length = (0..<(prefix - 8)).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + header + payload
  }

  private func error(_ bytes: [UInt8]) -> String {
    do throws(NPYError) {
      return "no error: \(try Tensor(npy: bytes))"
    } catch {
      return error.description
    }
  }

  @Test func bigEndianFortranOrderBecomesRowMajor() throws {
    // numpy.asfortranarray(numpy.arange(6, dtype='>f4').reshape(2, 3))
    let bytes = file(
      "{'descr': '>f4', 'fortran_order': True, 'shape': (2, 3), }",
      [
        0, 0, 0, 0, 0x40, 0x40, 0, 0, 0x3F, 0x80, 0, 0, 0x40, 0x80, 0, 0, 0x40, 0, 0, 0, 0x40, 0xA0,
        0, 0,
      ])
    let tensor = try Tensor(npy: bytes)
    #expect(tensor.shape == [2, 3])
    #expect(tensor.elements(as: Float.self) == [0, 1, 2, 3, 4, 5])
  }

  @Test func scalarsAndEmptyArraysAreWrittenAsNumPyDoes() throws {
    #expect(
      Tensor(scalar: 2.5).npyData()
        == file(
          "{'descr': '<f8', 'fortran_order': False, 'shape': (), }", [0, 0, 0, 0, 0, 0, 4, 0x40]))
    #expect(
      Tensor([Bool](), shape: [0, 3]).npyData()
        == file("{'descr': '|b1', 'fortran_order': False, 'shape': (0, 3), }", []))
    #expect(
      Tensor([1, 2] as [Int16]).npyData()
        == file("{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }", [1, 0, 2, 0]))
  }

  @Test(arguments: ElementType.allCases.filter { $0 != .bfloat16 })
  func whatIsWrittenIsReadBack(type: ElementType) throws {
    let tensor = Tensor([0.0, 1, 2, 3, 100, 1], shape: [3, 2]).converted(to: type)
    let copy = try Tensor(npy: tensor.npyData())
    #expect(copy.elementType == type)
    #expect(copy.shape == tensor.shape)
    #expect(copy.npyData() == tensor.npyData())
  }

  @Test func bfloat16IsWrittenAsFloat32() throws {
    let tensor = Tensor([0.5, -2]).converted(to: .bfloat16)
    #expect(try Tensor(npy: tensor.npyData()).elements(as: Float.self) == [0.5, -2])
  }

  @Test(arguments: [2, 3] as [UInt8]) func laterVersionsHaveAWiderLength(version: UInt8) throws {
    let dictionary = "{'descr': '<f2', 'fortran_order': False, 'shape': (1, 2), }"
    let tensor = try Tensor(npy: file(dictionary, version: version, [0, 0, 0, 0x3C]))
    #expect(tensor.elements(as: Float16.self) == [0, 1])
  }

  @Test func truthIsAnyByteButZero() throws {
    let dictionary = "{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }"
    #expect(
      try Tensor(npy: file(dictionary, [0, 1, 7])).elements(as: Bool.self) == [false, true, true])
  }

  @Test func otherBytesAreRefusedInOneLine() {
    #expect(error([]) == "not a .npy file: 0 bytes")
    #expect(
      error(Array(repeating: 0x41, count: 80))
        == "not a .npy file: it does not start with \\x93NUMPY")
    let whole = Tensor([1.0, 2, 3]).npyData()
    #expect(
      error(Array(whole.dropLast(4))) == "truncated: header promises 24 bytes, file has 20")
    #expect(error(whole + [0]) == "too long: header promises 24 bytes, file has 25")
    #expect(
      error(Array(whole.prefix(60))) == "truncated: header promises 128 bytes, file has 60")
    var future = whole
    future[6] = 9
    #expect(error(future) == "not a .npy file: format version 9 is not known")
  }

  @Test(arguments: [
    (
      "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }",
      "element type '<c8' is not supported"
    ),
    (
      "{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (1,), }",
      "structured element types are not supported"
    ),
    (
      "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 8), }",
      "shape (4611686018427387904, 8) is too large"
    ),
    (
      "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904,), }",
      "truncated: header promises over 2^63 bytes, file has 0"
    ),
    (
      "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }",
      "extent 99999999999999999999 is too large"
    ),
    (
      "{'descr': '<f8', 'fortran_order': False, }",
      "not a .npy file: the header lacks 'descr', 'fortran_order' or 'shape'"
    ),
    (
      "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }",
      "not a .npy file: the header is not a dictionary as NumPy writes it"
    ),
    (
      "{'descr': '<f8",
      "not a .npy file: the header is not a dictionary as NumPy writes it"
    ),
  ])
  func unreadableHeadersAreRefused(dictionary: String, message: String) {
    #expect(error(file(dictionary, [])) == message)
  }

  @Test func anyDamagedByteIsReadOrRefused() {
    let whole = Tensor([1, 2, 3, 4] as [Int32], shape: [2, 2]).npyData()
    for position in 0..<128 {
      for value in [0, 0x27, 0x28, 0x2C, 0x39, 0x7D, 0xFF] as [UInt8] {
        var damaged = whole
        damaged[position] = value
        _ = error(damaged)
      }
    }
  }
}
