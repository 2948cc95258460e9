import Foundation
import Testing

/// The help is what users read first: it changes only on purpose.
///
/// `RECORD_HELP=1` in the environment writes the files anew; read them before they are committed.
struct HelpTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().path + "/Help/"

  @Test(arguments: [
    "ascribe", "inspect", "run", "attribute", "verify", "strip-biases", "export", "evaluate",
    "merge",
    "summary", "bench",
  ])
  func help(command: String) throws {
    let help = try succeeds(command == "ascribe" ? ["--help"] : [command, "--help"]).output
    let file = URL(filePath: Self.folder + command + ".txt")
    if ProcessInfo.processInfo.environment["RECORD_HELP"] != nil {
      try Data(help.utf8).write(to: file)
    }
    #expect(help == (try String(contentsOf: file, encoding: .utf8)))
    #expect(help.split(separator: "\n").allSatisfy { $0.count <= 80 || $0.hasPrefix("USAGE") })
  }

  /// Every subcommand has a file here.
  @Test func everyCommandIsCovered() throws {
    let root = try succeeds(["--help"]).output
    let start = try #require(root.range(of: "SUBCOMMANDS:\n"))
    let names = root[start.upperBound...].split(separator: "\n").compactMap { line in
      line.firstMatch(of: #/^  ([a-z-]+) /#).map { String($0.1) }
    }
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
    #expect(Set(names.map { $0 + ".txt" } + ["ascribe.txt"]) == Set(files))
  }
}
