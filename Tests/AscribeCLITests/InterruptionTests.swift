import Foundation
import Testing

struct InterruptionTests {
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
