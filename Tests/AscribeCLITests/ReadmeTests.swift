import Foundation
import TestSupport
import Testing

/// The examples of README.md are run and must print what stands there.
///
/// Checked are blocks marked `console`: a line `$ command` and the output under it. A backslash at
/// the end continues a command.
struct ReadmeTests {
  private struct Example {
    let line: Int
    let command: String
    var output: [String] = []
  }

  private func examples() throws -> [Example] {
    let text = try String(contentsOfFile: Program.packageRoot + "/README.md", encoding: .utf8)
    var examples: [Example] = []
    var isConsole = false
    var command: (line: Int, text: String)?
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      if line.hasPrefix("```") {
        isConsole = !isConsole && line == "```console"
        continue
      }
      guard isConsole else { continue }
      if let begun = command {
        command = (begun.line, begun.text + "\n" + line)
      } else if line.hasPrefix("$ ") {
        command = (index + 1, String(line.dropFirst(2)))
      } else if examples.isEmpty {
        Issue.record("README.md:\(index + 1): output without a command")
      } else {
        examples[examples.count - 1].output.append(String(line))
      }
      if let whole = command, !whole.text.hasSuffix("\\") {
        examples.append(Example(line: whole.line, command: whole.text))
        command = nil
      }
    }
    return examples
  }

  /// A line as text around numbers, and the numbers: those with a fraction vary a little with the
  /// machine, whole ones do not, and times are left out.
  private func parts(_ line: String) -> (text: String, fractions: [Double]) {
    let line = line.replacing(/[0-9]+(\.[0-9]+)?(e-[0-9]+)? (?<unit>m?s)\b/) { "# \($0.unit)" }
      .replacing(/\s+/, with: " ")
    let fractions = line.matches(of: /-?[0-9]+\.[0-9]+/).compactMap { Double($0.output) }
    return (line.replacing(/-?[0-9]+\.[0-9]+/, with: "#.#"), fractions)
  }

  private func agree(_ printed: String, _ promised: String) -> Bool {
    let (printed, promised) = (parts(printed), parts(promised))
    return printed.text == promised.text
      && zip(printed.fractions, promised.fractions).allSatisfy {
        abs($0 - $1) <= max(0.02 * abs($1), 0.0301)
      }
  }

  private func lines(_ text: String) -> [String] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    return Array(lines[..<(lines.lastIndex { !$0.isEmpty }.map { $0 + 1 } ?? 0)])
  }

  @Test func examplesPrintWhatTheySay() throws {
    let scratch = try Scratch()
    let models = Program.packageRoot + "/models"
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path + "/models", withDestinationPath: models)
    let examples = try examples()
    #expect(examples.count >= 5, "README.md has too few examples in console blocks")
    for example in examples {
      // `make` builds and tests the package, which is how these tests came to run.
      if example.command.hasPrefix("make ") || example.command.hasPrefix("git clone ") { continue }
      let outcome = try Program.shell("{ \(example.command)\n} 2>&1", in: scratch.path)
      let printed = lines(outcome.output)
      let promised = lines(example.output.joined(separator: "\n"))
      #expect(
        printed.count == promised.count && zip(printed, promised).allSatisfy(agree),
        "README.md:\(example.line): $ \(example.command)\n\(outcome.output)")
    }
  }
}
