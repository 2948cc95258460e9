import Foundation
import TestSupport
import Testing

/// Places where results cannot be written. The tests may run as root, so permissions do not count.
struct UnwritableTests {
  private func isRefused(
    output: String, arguments: [String] = [], saying parts: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for command in ["run", "attribute"] {
      try fails(
        [command, Program.shapes, Program.star, "--output", output] + arguments, code: 73,
        saying: parts, sourceLocation: sourceLocation)
    }
  }

  @Test func belowAFile() throws {
    let scratch = try Scratch()
    let file = try scratch.write("file", [1])
    try isRefused(output: file, saying: [file])
    try isRefused(output: file + "/folder", saying: [file])
    #expect(scratch.names() == ["file"])
    #expect(try bytes(of: file) == [1])
  }

  @Test func inAReadOnlyPlace() throws {
    try isRefused(output: "/proc/1/results", saying: ["/proc/1/results"])
    try isRefused(output: "/proc/self", saying: ["/proc/self"])
  }

  @Test func nowhere() throws { try isRefused(output: "") }

  @Test func onAFolder() throws {
    let scratch = try Scratch()
    try scratch.write("out/000.npy/file", [])
    try scratch.write("out/000.logits.npy/file", [])
    try isRefused(output: scratch.path + "/out", saying: ["000."])
    #expect(scratch.names(in: "out") == ["000.logits.npy", "000.npy"])
  }

  /// A limit on the size of files stands in for a full disk.
  @Test func noRoomLeft() throws {
    let scratch = try Scratch()
    for command in ["run", "attribute"] {
      let outcome = try Program.shell(
        "(ulimit -f 0; exec ascribe \(command) '\(Program.shapes)' '\(Program.star)' "
          + "--output '\(scratch.path)/out') 2>&1 | cat")
      #expect(outcome.output.hasPrefix("error: "))
      #expect(outcome.output.contains("too large"))
    }
    #expect(scratch.names(in: "out").isEmpty)
  }

  @Test func standardOutputIsFull() throws {
    for line in ["inspect '\(Program.shapes)'", "inspect --json '\(Program.shapes)'"] {
      let outcome = try Program.shell("ascribe \(line) > /dev/full")
      #expect(outcome.code == 74)
      #expect(outcome.errors.hasPrefix("error: standard output"))
      #expect(outcome.complaints.count == 1)
    }
  }

  /// Nobody reads the messages: the exit code still tells.
  @Test func standardErrorIsFullOrClosed() throws {
    #expect(try Program.shell("ascribe inspect none.onnx 2> /dev/full").code == 66)
    #expect(try Program.shell("ascribe inspect none.onnx 2>&-").code == 66)
  }

  /// What is printed must not end up in a file that is opened later.
  @Test func standardOutputIsClosed() throws {
    let scratch = try Scratch()
    let outcome = try Program.shell(
      "ascribe attribute '\(Program.shapes)' '\(Program.star)' --output '\(scratch.path)' "
        + "--steps 2 --format npy >&-")
    #expect(outcome.signal == nil)
    #expect(try bytes(of: scratch.path + "/000.npy").count == 128 + 4 * 3 * 64 * 64)
  }
}
