import ArgumentParser
import Ascribe
import Foundation

/// `ascribe evaluate`: methods and metrics on a whole data set.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Evaluates models and explanations on a data set.",
    usage: "ascribe evaluate [<options>] <model> ... --data <data> --output <file>",
    discussion: """
      The data set is a folder with one subfolder a class, a folder with a file labels.csv (file, \
      label), a folder of pictures without labels, a .npy file with a sample a row (labels in \
      NAME.labels.npy beside it), or a .txt or .tsv file with a line a sample (a label, a tab, \
      numbers, such as the ids of tokens: as many in every line). Classes are found by the names of \
      --labels, else by number, else in sorted order. Samples go by row, line or row of \
      labels.csv, in folders by class, folder and name as in torchvision's ImageFolder.

      Methods: \(Method.all.map(\.item).joined(separator: ", ")). \
      \(MethodText.rules)

      Metrics: \(Metric.allCases.map(\.rawValue).joined(separator: ", ")); paper stands for \
      \(Metric.paper.map(\.rawValue).joined(separator: ", ")).

      The output is a file of results (SQLite). If it is there already and was made with the same \
      options, the evaluation goes on where it stopped. ascribe summary prints its tables.
      """)

  @Argument(help: "One or several .onnx files.", completion: .file(extensions: ["onnx"]))
  var models: [String]

  @Option(
    help: ArgumentHelp("The data set: a folder or a file.", valueName: "data"),
    completion: .file())
  var data: String

  @Option(
    help: ArgumentHelp("The file of results.", valueName: "file"),
    completion: .file(extensions: ["sqlite"]))
  var output: String

  @Option(
    help: ArgumentHelp(
      "What explains the predictions; the first is what others are compared with. (default: ig,input-x-gradient,gradient,random; none where only models are judged)",
      valueName: "method,..."))
  var methods: String?

  @Option(
    help: ArgumentHelp(
      "What is measured. (default: paper; without accuracy where there are no labels)",
      valueName: "metric,..."))
  var metrics: String?

  @Option(
    help: ArgumentHelp(
      "The score to explain: label or argmax. (default: label where all samples have one)",
      valueName: "target"), completion: .list(["label", "argmax"]))
  var target: String?

  @Option(
    help: ArgumentHelp(
      "What a further input of the models gets, such as a mask of padding: a .npy file or lines of numbers, one row for each sample, in the order of these, or one for all. Repeat it for several; --data is for the input that is not named.",
      valueName: "name=file"))
  var input: [String] = []

  @OptionGroup var comparison: ComparisonOptions

  @Option(
    help: ArgumentHelp(
      "An inner value to explain and judge in place of the input, which a model of tokens needs; inspect --layers lists them. What is hidden is a token or place of it.",
      valueName: "name"))
  var layer: String?

  @Option(
    help: ArgumentHelp(
      "A folder of masks, white on the objects and named like the samples.", valueName: "folder"),
    completion: .directory)
  var masks: String?

  @Option(
    help: ArgumentHelp(
      "The part of the data set to evaluate, I from 1 to N; ascribe merge joins the parts.",
      valueName: "I/N"))
  var shard: String?

  @Option(
    help: ArgumentHelp(
      "A folder that receives the maps, as MODEL/METHOD/SAMPLE.npy.", valueName: "folder"),
    completion: .directory)
  var saveMaps: String?

  @Option(
    help: ArgumentHelp("The type of these maps: float32 or float16.", valueName: "type"),
    completion: .list(["float32", "float16"]))
  var mapsType = "float32"

  @Option(
    help: ArgumentHelp("What random numbers depend on, beside the sample.", valueName: "number"))
  var seed: UInt64 = 0

  @Flag(help: "Stop at the first sample that cannot be read, in place of recording it.")
  var strict = false

  @Option(
    help: ArgumentHelp(
      "How pictures become numbers: imagenet, caffe, unit, raw or a JSON file. (default: MODEL.preprocess.json beside each model, else imagenet, or unit for one channel)",
      valueName: "preset|file"), completion: .list(["imagenet", "caffe", "unit", "raw"]))
  var preprocess: String?

  @Option(
    help: ArgumentHelp(
      "The names of the classes, one a line. (default: MODEL.labels.txt beside the first model)",
      valueName: "file"), completion: .file())
  var labels: String?

  @Option(
    help: ArgumentHelp("The numbers to compute with.", valueName: "type"))
  var precision: Precision = .declared

  @Flag(name: .shortAndLong, help: "Print neither progress nor notes on standard error.")
  var quiet = false

  func validate() throws {
    guard !output.isEmpty, !output.hasPrefix(":") else {
      throw ValidationError("--output '\(output)' is no file")
    }
    _ = try options()
  }

  func run() throws {
    let models = try models.map { try Model(contentsOf: URL(filePath: $0), precision: precision) }
    try OutputFile.requireWritable(output)
    let bar = ProgressBar("reading", isQuiet: quiet)
    let evaluation = try DataSetEvaluation(
      models, on: data, labels: labels, preprocessing: preprocess, options: try options()
    ) { bar.show($0, steps: nil) }
    bar.finish()
    if !quiet { for note in evaluation.notes { Console.note("note: \(note)") } }
    try finish(try evaluate(evaluation))
  }

  private func evaluate(_ evaluation: DataSetEvaluation) throws -> DataSetEvaluation.Outcome {
    Interruption.waitForGoodMoment()
    let bar = ProgressBar("evaluating", isQuiet: quiet)
    defer { bar.finish() }
    var before: Int?
    return try evaluation.run(into: output, isStopped: { Interruption.isRequested }) { progress in
      let known = before ?? max(progress.done - 16, 0)
      before = known
      bar.show(
        Double(progress.done) / Double(max(progress.total, 1)),
        steps: Double(progress.done - known), unit: "samples",
        "\(Console.count(progress.done)) of \(Console.count(progress.total))",
        "\(Console.count(progress.failures)) failed")
    }
  }

  private func finish(_ outcome: DataSetEvaluation.Outcome) throws {
    if !quiet, let text = SummaryText.blackMasks(outcome.masks) { Console.note("note: \(text)") }
    guard outcome.isComplete else {
      Console.note(
        "interrupted: \(Console.count(outcome.done)) of \(Console.count(outcome.total, "sample")) "
          + "are in \(output); the same command goes on with the rest")
      throw ExitCode(Interruption.exitCode)
    }
    let failed = outcome.failures == 0 ? "" : ", \(Console.count(outcome.failures)) of them failed"
    print("\(output): \(Console.count(outcome.total, "sample"))\(failed)")
    fflush(nil)
    if !quiet, outcome.seconds > 0.01 {
      let share = 100 * outcome.passSeconds / outcome.seconds
      Console.note(
        "\(Console.number(outcome.seconds, digits: 3)) s, "
          + "\(Console.number(share, digits: 3)) % of that in passes of the models")
    }
  }

  private func options() throws -> EvaluationOptions {
    var options = EvaluationOptions()
    options.metrics = try measured()
    let judgesMaps = options.metrics?.contains { !$0.judgesModel } ?? true
    let methods = methods ?? (judgesMaps ? "ig,input-x-gradient,gradient,random" : nil)
    options.methods = try (methods.map { try Self.items($0, of: "--methods") } ?? []).map {
      try comparison.method($0)
    }
    try comparison.requireUse(by: options.methods)
    guard Set(options.methods).count == options.methods.count else {
      throw ValidationError("--methods '\(methods ?? "")' names one method twice")
    }
    if options.methods.count < 2 {
      guard try metrics.map({ try Self.items($0, of: "--metrics") })?.contains("difference") != true
      else {
        throw ValidationError("metric 'difference' compares methods; --methods names only one")
      }
      options.metrics?.removeAll { $0 == .difference }
    }
    if let target {
      guard let target = EvaluationOptions.Target(rawValue: target) else {
        throw ValidationError("--target '\(target)' is neither label nor argmax")
      }
      options.target = target
    }
    options.space = TargetSpace(comparison.targetSpace)
    options.baselines = try comparison.baselines()
    options.inputs = try inputs()
    options.layer = layer
    if let shard {
      guard let part = Shard(shard) else {
        throw ValidationError("--shard '\(shard)' is no I/N with I from 1 to N")
      }
      options.shard = part
    }
    guard ["float32", "float16"].contains(mapsType) else {
      throw ValidationError("--maps-type '\(mapsType)' is neither float32 nor float16")
    }
    guard saveMaps != nil || mapsType == "float32" else {
      throw ValidationError("--maps-type goes with --save-maps")
    }
    options.masks = masks
    options.mapFolder = saveMaps
    options.savesFloat16 = mapsType == "float16"
    options.seed = seed
    options.isStrict = strict
    return options
  }

  private func inputs() throws -> [String: String] {
    var inputs: [String: String] = [:]
    for item in input {
      let parts = item.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else {
        throw ValidationError("--input '\(item)' is no NAME=FILE")
      }
      guard inputs.updateValue(parts[1], forKey: parts[0]) == nil else {
        throw ValidationError("--input names '\(parts[0])' twice")
      }
    }
    return inputs
  }

  private func measured() throws -> [Metric]? {
    guard let metrics else { return nil }
    var found: [Metric] = []
    for name in try Self.items(metrics, of: "--metrics") {
      if name == "paper" {
        found += Metric.paper.filter { !found.contains($0) }
      } else if let metric = Metric(rawValue: name) {
        if !found.contains(metric) { found.append(metric) }
      } else {
        throw ValidationError(
          "metric '\(name)' is not one of paper, "
            + Metric.allCases.map(\.rawValue).joined(separator: ", "))
      }
    }
    return found
  }

  /// The items of a list with commas: one at least, none empty, none twice.
  private static func items(_ list: String, of option: String) throws -> [String] {
    let items = list.split(separator: ",", omittingEmptySubsequences: false).map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    guard !items.contains("") else {
      throw ValidationError("\(option) '\(list)' has an empty item")
    }
    return items
  }
}
