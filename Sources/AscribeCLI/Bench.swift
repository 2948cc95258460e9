import ArgumentParser
import Ascribe
import Foundation

/// `ascribe bench`: where a model's time goes.
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures a model on random input: forward pass, gradient and each operator.",
    usage: "ascribe bench [<options>] <model>")

  @Argument(help: "An .onnx file.", completion: .file(extensions: ["onnx"]))
  var model: String

  @Option(
    help: ArgumentHelp(
      "Samples in a batch. (default: 16, or as many as the model takes)", valueName: "count"))
  var batch: Int?

  @Option(help: ArgumentHelp("Runs to measure; their median is printed.", valueName: "count"))
  var runs = 5

  @Option(
    help: ArgumentHelp(
      "Height and width of pictures, where the model leaves them open. (default: 224)",
      valueName: "pixels"))
  var size: Int?

  @Option(
    help: ArgumentHelp("The numbers to compute with, as attribute has it.", valueName: "type"))
  var precision: Precision = .declared

  @Flag(help: "List every node in place of operators; JSON holds both.")
  var nodes = false

  @Flag(help: "Print one JSON object in place of tables.")
  var json = false

  func validate() throws {
    guard batch ?? 1 > 0, runs > 0, size ?? 1 > 0 else {
      throw ValidationError("--batch, --runs and --size must be at least 1")
    }
  }

  func run() throws {
    let model = try Model(contentsOf: URL(filePath: model), precision: precision)
    let profile: Profile
    do {
      profile = try ModelSession(model).profile(batch: batch, runs: runs, size: size)
    } catch let error as ModelError {
      throw error.inFile(self.model)
    }
    if json { return try Console.print(json: profile) }
    printProfile(profile)
  }

  private func printProfile(_ profile: Profile) {
    func milliseconds(_ seconds: Double) -> String { String(format: "%.2f", 1000 * seconds) }
    let rows = Double(profile.batch)
    let kinds = profile.kinds.filter { $0.share >= 0.0005 }
      .map { "\($0.name) \(String(format: "%.1f %%", 100 * $0.share))" }.joined(separator: ", ")
    print(
      Console.table([
        ["input", "\(profile.batch) x \(profile.pointShape.description)"],
        ["forward", "\(milliseconds(profile.forwardSeconds / rows)) ms a sample"],
        [
          "with gradient",
          profile.gradientSeconds.map { "\(milliseconds($0 / rows)) ms a sample" }
            ?? "none: no input holds floating-point numbers",
        ],
        ["memory", "\(Console.bytes(profile.peakBytes)) beside the weights"],
        ["threads", "\(profile.threads)"],
        ["time in", kinds],
        [
          "bandwidth",
          String(
            format: "%.0f GB/s elementwise, %.0f GB/s copying", profile.elementwiseBandwidth / 1e9,
            profile.copyBandwidth / 1e9),
        ],
      ]))
    print("")
    if nodes { return printNodes(profile) }
    var table = [["operator", "nodes", "ms a batch", "share"]]
    for item in profile.operators {
      table.append([
        item.name, String(item.count), milliseconds(item.seconds),
        String(format: "%.1f %%", 100 * item.share),
      ])
    }
    print(Console.table(table, rightAligned: [1, 2, 3]))
  }
  private func printNodes(_ profile: Profile) {
    var table = [["node", "operator", "output", "ms a batch"]]
    for node in profile.nodes {
      table.append([
        node.name, node.operatorName, node.shape.map(String.init).joined(separator: "x"),
        String(format: "%.3f", 1000 * node.seconds),
      ])
    }
    print(Console.table(table, rightAligned: [3]))
  }
}
