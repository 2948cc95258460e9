import ArgumentParser
import Ascribe

/// `ascribe merge`: the shards of an evaluation joined.
struct Merge: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Joins the shards of an evaluation into one file of results.",
    usage: "ascribe merge <shard> ... --output <file>",
    discussion: """
      The shards are files of ascribe evaluate --shard I/N, all N of them and complete. The \
      summary of the joined file is that of one undivided run.
      """)

  @Argument(
    help: "All files of one evaluation.", completion: .file(extensions: ["sqlite"]))
  var shards: [String]

  @Option(
    help: ArgumentHelp("The file that receives all results.", valueName: "file"),
    completion: .file(extensions: ["sqlite"]))
  var output: String

  func run() throws {
    try OutputFile.requireWritable(output)
    let (count, machines, masks) = try ResultMerge.merge(shards, into: output)
    if machines.count > 1 {
      Console.note(
        "note: last bits may differ between the machines that the shards ran on: "
          + machines.joined(separator: "; "))
    }
    if let text = SummaryText.blackMasks(masks) { Console.note("note: \(text)") }
    print(
      "\(output): \(Console.count(count, "sample")) of \(Console.count(shards.count, "shard"))"
    )
  }
}
