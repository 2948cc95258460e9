import ArgumentParser
import Ascribe

/// `ascribe summary`: the tables of an evaluation.
struct Summary: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints the results of an evaluation: means with standard errors.",
    usage: "ascribe summary [<options>] <results>",
    discussion: """
      Works on a file that is still being written, too. docs/evaluation.md says how each metric is \
      defined.
      """)

  @Argument(
    help: "A file of ascribe evaluate or merge.", completion: .file(extensions: ["sqlite"]))
  var results: String

  @Flag(help: "Print one JSON value: the protocol, all means and curves, all failures.")
  var json = false

  @Flag(help: "Print comma-separated values: model, method, metric, n, mean, standard error.")
  var csv = false

  @Flag(help: "Also sum up seconds per sample, which differ from run to run.")
  var timing = false

  func validate() throws {
    guard !json || !csv else { throw ValidationError("--json and --csv exclude each other") }
  }

  func run() throws {
    let summary = try ResultSummary(contentsOf: results, timing: timing)
    if json {
      try Console.print(json: summary)
    } else if csv {
      print(SummaryText.csv(summary).joined(separator: "\n"))
    } else {
      print(SummaryText.lines(of: summary).joined(separator: "\n"))
    }
  }
}
