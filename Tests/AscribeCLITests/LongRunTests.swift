import Foundation
import TestSupport
import Testing

/// Long runs: what they show, and how they end early.
struct LongRunTests {
  /// `script` stands in for a terminal.
  @Test func progressOnATerminal() throws {
    let scratch = try Scratch()
    let line =
      "ascribe attribute '\(Program.shapes)' '\(Program.star)' --steps 1000 --output '\(scratch.path)'"
    let bar = try Program.shell("script -qec \"\(line)\" /dev/null")
    #expect(bar.code == 0)
    #expect(bar.output.contains(/explaining [█░]{30} +[0-9]+ %  [0-9.e+]+ steps\/s, [0-9]+ s left/))
    let quiet = try Program.shell("script -qec \"\(line) --quiet\" /dev/null")
    #expect(quiet.output.split(separator: "\n").count == 1)
  }

  /// Ctrl-C ends a long run with exit code 130 and leaves no half file.
  @Test func interruptedRun() throws {
    let scratch = try Scratch()
    let outcome = try Program.run(
      [
        "attribute", Program.shapes, Program.star, "--steps", "1000000", "--output",
        scratch.path + "/out",
      ], interruptedAfter: 1.5)
    #expect(outcome.code == 130)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.hasSuffix("interrupted\n"))
    #expect(scratch.names(in: "out").isEmpty)
  }
}
