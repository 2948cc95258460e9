import CONNX
import Foundation
import ONNXFormat
import Tensors
import TestSupport
import Testing

/// External data stays inside the model's folder, whatever its location says.
struct ExternalDataTests {
  private let values = (0..<6).map { Float($0) }

  private func model(_ entries: [(String, String)], _ more: [UInt8] = []) -> [UInt8] {
    let external = entries.flatMap {
      Wire.message(13, Wire.text(1, $0.0), Wire.text(2, $0.1))
    }
    let proto = tensorProto("w", [2, 3], type: 1, external + Wire.number(14, 1) + more)
    return Array(additionModel(proto, dimensions: [2, 3]).joined())
  }

  /// Reads the tensor of a model in `scratch`.
  private func load(
    _ scratch: Scratch, _ entries: [(String, String)], _ more: [UInt8] = []
  ) throws -> Tensor {
    let path = try scratch.write("model.onnx", model(entries, more))
    let file = try ModelFile(contentsOf: path)
    return try file.withModel { model in
      let graph = try #require(model.pointee.graph)
      let tensors = Field.messages(graph.pointee.initializer, graph.pointee.n_initializer)
      return try file.tensor(try #require(tensors.first))
    }
  }

  private func refusal(
    _ scratch: Scratch, _ entries: [(String, String)], _ more: [UInt8] = []
  ) throws -> String {
    do {
      _ = try load(scratch, entries, more)
      throw Unexpected("\(entries) was accepted")
    } catch let error as TensorError {
      #expect(error.tensor == "w")
      return error.reason
    }
  }

  @Test(arguments: ["w.bin", "./w.bin", "parts/w.bin", "parts/./deep//w.bin"])
  func filesInTheFolder(location: String) throws {
    let scratch = try Scratch()
    try scratch.write(location, [9, 9, 9] + floatBytes(values) + [9])
    let entries = [("location", location), ("offset", "3")]
    let rest = [("length", "24"), ("checksum", "0"), ("basepath", "/etc")]
    for entries in [entries, entries + rest] {
      let tensor = try load(scratch, entries)
      #expect(tensor.elements(as: Float.self) == values)
      #expect(Int(bitPattern: tensor.address) % 4096 == 3)
    }
  }

  @Test func largeOffsetsInLargeFiles() throws {
    let scratch = try Scratch()
    let path = try scratch.write("w.bin", [])
    // A sparse file beyond 4 GiB.
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.seek(toOffset: 5 << 30)
    try handle.write(contentsOf: Data(floatBytes(values)))
    try handle.close()
    let tensor = try load(scratch, [("location", "w.bin"), ("offset", "\(5 << 30)")])
    #expect(tensor.elements(as: Float.self) == values)
  }

  private static let escapes: [(String, String)] = [
    ("../w.bin", "by '..'"), ("a/../../w.bin", "by '..'"), ("a/..", "by '..'"), ("..", "by '..'"),
    ("/etc/passwd", "absolute"), ("", "empty"), ("C:w.bin", "drive"), ("a\\w.bin", "backslash"),
    ("\\\\host\\share", "backslash"), ("*/_ORT_MEM_ADDR_/*", "another program's memory"),
    ("missing.bin", "no such file"), ("missing/w.bin", "no such file"),
    ("model.onnx/w.bin", "no such file"), (".", "a folder"), ("/", "absolute"),
    (String(repeating: "a/", count: 3000), "too long"),
  ]

  @Test(arguments: escapes)
  func locationsThatAreRefused(location: String, reason: String) throws {
    let scratch = try Scratch()
    let text = try refusal(scratch, [("location", location)])
    #expect(text.hasPrefix("has external data in '\(location)': "))
    #expect(text.contains(reason))
  }

  @Test func links() throws {
    let outside = try Scratch()
    let scratch = try Scratch()
    let files = FileManager.default
    let secret = try outside.write("secret", floatBytes(values))
    try files.createSymbolicLink(atPath: scratch.path + "/file", withDestinationPath: secret)
    try files.createSymbolicLink(
      atPath: scratch.path + "/folder", withDestinationPath: outside.path)
    try files.linkItem(atPath: secret, toPath: scratch.path + "/hard")
    try scratch.write("inside", floatBytes(values))
    try files.createSymbolicLink(atPath: scratch.path + "/near", withDestinationPath: "inside")
    for location in ["file", "folder/secret", "near"] {
      #expect(try refusal(scratch, [("location", location)]).contains("a symbolic link"))
    }
    #expect(try refusal(scratch, [("location", "hard")]).contains("hard links"))
  }

  @Test func pipesAndEmptyFiles() throws {
    let scratch = try Scratch()
    #expect(mkfifo(scratch.path + "/pipe", 0o600) == 0)
    try scratch.write("empty", [])
    #expect(try refusal(scratch, [("location", "pipe")]).contains("pipe"))
    #expect(try refusal(scratch, [("location", "empty")]).contains("is empty"))
  }

  private static let lies: [([(String, String)], String)] = [
    ([("offset", "0")], "without a location"),
    ([("location", "w.bin"), ("location", "w.bin")], "the key 'location' twice"),
    ([("location", "w.bin"), ("password", "x")], "the unknown key 'password'"),
    ([("location", "w.bin"), ("offset", "-1")], "offset '-1' is no number of bytes"),
    ([("location", "w.bin"), ("offset", "+1")], "offset '+1' is no number of bytes"),
    ([("location", "w.bin"), ("offset", "")], "offset '' is no number of bytes"),
    ([("location", "w.bin"), ("offset", " 1")], "offset ' 1' is no number of bytes"),
    ([("location", "w.bin"), ("offset", "0x8")], "offset '0x8' is no number of bytes"),
    ([("location", "w.bin"), ("length", "1e9")], "length '1e9' is no number of bytes"),
    (
      [("location", "w.bin"), ("length", "99999999999999999999")],
      "length '99999999999999999999' is no number of bytes"
    ),
    ([("location", "w.bin"), ("length", "23")], "23 bytes of external data where"),
    (
      [("location", "w.bin"), ("length", "18446744073709551615")],
      "18446744073709551615 bytes of external data where"
    ),
    ([("location", "w.bin"), ("offset", "1")], "at offset 1 of 'w.bin', which ends after 24"),
    (
      [("location", "w.bin"), ("offset", "18446744073709551615")],
      "at offset 18446744073709551615 of 'w.bin', which ends after 24"
    ),
  ]

  @Test(arguments: lies)
  func entriesThatLie(entries: [(String, String)], reason: String) throws {
    let scratch = try Scratch()
    try scratch.write("w.bin", floatBytes(values))
    #expect(try refusal(scratch, entries).contains(reason))
  }

  @Test func dataInsideAndOutside() throws {
    let scratch = try Scratch()
    try scratch.write("w.bin", floatBytes(values))
    let inside = Wire.bytes(9, floatBytes(values))
    #expect(
      try refusal(scratch, [("location", "w.bin")], inside)
        == "has data twice, in raw_data and outside of the file")
  }

  @Test func modelsInMemoryHaveNoFolder() throws {
    let file = try ModelFile(bytes: model([("location", "w.bin")]))
    file.withModel { model in
      let graph = model.pointee.graph?.pointee
      for tensor in Field.messages(graph?.initializer, graph?.n_initializer ?? 0) {
        #expect(throws: TensorError.self) { try file.tensor(tensor) }
      }
    }
  }

  /// The way taken on kernels without openat2 finds and refuses the same.
  @Test func walkingComesToTheSame() throws {
    let outside = try Scratch()
    let scratch = try Scratch()
    let files = FileManager.default
    let secret = try outside.write("secret", [1])
    try scratch.write("plain", [1])
    try scratch.write("parts/deep/plain", [1])
    try scratch.write("empty", [])
    try files.createSymbolicLink(atPath: scratch.path + "/link", withDestinationPath: secret)
    try files.createSymbolicLink(
      atPath: scratch.path + "/folder", withDestinationPath: outside.path)
    try files.linkItem(atPath: secret, toPath: scratch.path + "/hard")
    let folder = connx_open_folder(scratch.path)
    defer { connx_close_folder(folder) }
    try #require(folder >= 0)
    let locations = [
      "plain", "./plain", "parts/deep/plain", "parts//deep/./plain", "empty", "link",
      "folder/secret", "folder", "hard", "missing", "missing/plain", "plain/x", "plain/", "parts",
      "parts/", "..", "/etc/passwd", "", "a\0b",
    ]
    for location in locations {
      var direct = connx_mapping()
      var walked = connx_mapping()
      let count = location.utf8.count
      let expected = connx_map_beside(folder, location, count, &direct)
      let actual = connx_map_beside_walking(folder, location, count, &walked)
      #expect(expected.code == actual.code, "\(location)")
      #expect(direct.length == walked.length)
      connx_unmap(&direct)
      connx_unmap(&walked)
    }
  }
}
