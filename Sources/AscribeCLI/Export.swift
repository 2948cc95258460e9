import ArgumentParser
import Ascribe
import Foundation

/// `ascribe export`: a model that explains itself.
struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a model that explains itself, for any engine that runs ONNX.",
    usage: "ascribe export [<options>] <model> --output <file>",
    discussion: """
      The file has the inputs and outputs of the model and gives besides, for each sample, the \
      attribution of each element of the input, the target with its score, and how far the \
      attributions are from adding up. It holds standard ONNX operators only; the number of samples \
      stays open where it is open in the model.

      \(MethodText.list(["auto", "gradient", "input-x-gradient", "xg", "ig"]))
      """)

  @Argument(help: "An .onnx file.", completion: .file(extensions: ["onnx"]))
  var model: String

  @Option(
    help: ArgumentHelp("The file that receives the model.", valueName: "file"),
    completion: .file(extensions: ["onnx"]))
  var output: String

  @Option(
    help: ArgumentHelp(
      "How attributions are computed: auto, gradient, input-x-gradient, xg or ig.",
      valueName: "method"),
    completion: .list(["auto", "gradient", "input-x-gradient", "xg", "ig"]))
  var method = "auto"

  @Option(
    help: ArgumentHelp(
      "The score to explain: argmax, an index, a label, or input, which adds an input named target.",
      valueName: "target"), completion: .list(["argmax", "input"]))
  var target = "argmax"

  @OptionGroup private var space: TargetSpaceOptions

  @Option(
    name: .customLong("baseline"),
    help: ArgumentHelp(
      "What ig compares inputs with: zero (of the model's input space), black, white or a file. (default: zero)",
      valueName: "baseline"), completion: .list(["zero", "black", "white"]))
  private var baselineName: String?

  @OptionGroup private var stepping: StepOptions

  @Option(
    help: ArgumentHelp(
      "How ig adds up the gradient between baseline and input: secant, mean gradients of pieces of the way; or gradients at points, placed by warped:POWER, midpoint, gauss-legendre, left, right, trapezoid. (default: secant, warped:2 for models without mean gradients)",
      valueName: "rule"),
    completion: .list([
      "secant", "warped:2", "midpoint", "gauss-legendre", "left", "right", "trapezoid",
    ]))
  private var quadrature: String?

  @Option(
    help: ArgumentHelp(
      "How many steps of ig run together, for each sample; more need more memory. (default: 8)",
      valueName: "count"))
  var chunk: Int?

  @Option(
    help: ArgumentHelp(
      "The input to explain. (default: the first of floating-point numbers)", valueName: "name"))
  var input: String?

  @Option(
    help: ArgumentHelp(
      "Fixes the number of samples that the model leaves open.", valueName: "count"))
  var batch: Int?

  @Option(
    help: ArgumentHelp(
      "The extents of one sample where the model leaves them open, as in 3x224x224.",
      valueName: "extents"))
  var shape: String?

  @Option(
    help: ArgumentHelp(
      "The opset of the file, 17 to 21. (default: 17, or the model's if that is newer)",
      valueName: "number"))
  var opset: Int?

  @Option(
    help: ArgumentHelp(
      "How pictures became numbers, for a baseline of pixels: imagenet, caffe, unit, raw or a JSON file. (default: MODEL.preprocess.json beside the model)",
      valueName: "preset|file"), completion: .list(["imagenet", "caffe", "unit", "raw"]))
  var preprocess: String?

  @Option(
    help: ArgumentHelp(
      "The names of the classes, one a line. (default: MODEL.labels.txt beside the model)",
      valueName: "file"), completion: .file())
  var labels: String?

  @Flag(help: "Print one JSON value in place of lines.")
  var json = false

  func validate() throws {
    guard chunk.map({ (1...4096).contains($0) }) ?? true else {
      throw ValidationError("--chunk must be between 1 and 4096")
    }
    guard batch.map({ (1...1_000_000).contains($0) }) ?? true else {
      throw ValidationError("--batch must be between 1 and 1000000")
    }
    guard !target.isEmpty else { throw ValidationError("--target is empty") }
    _ = try extents()
    let method = try integration.method(method)
    try integration.requireUse(by: [method])
    _ = try BaselineText.baseline(baselineName ?? "zero")
    if baselineName != nil { try BaselineText.requireUse(by: [method]) }
    guard try preprocess == nil || BaselineText.baseline(baselineName ?? "zero").readsPixels else {
      throw ValidationError(PreprocessText.unread)
    }
    guard labels == nil || !LabelText.needsNone(target) && target != "input" else {
      throw LabelText.unread(target)
    }
    guard chunk == nil || method.integrationInside != nil else {
      throw ValidationError("--chunk goes with the methods ig and auto")
    }
  }

  func run() throws {
    let model = try Model(contentsOf: URL(filePath: model))
    let output = URL(filePath: output)
    try OutputFile.requireWritable(self.output)
    let exported = try model.exported(try options(for: model))
    try integration.requireUse(
      by: exported.report.method, for: try integration.method(method),
      others: chunk == nil ? [] : ["--chunk"])
    try exported.write(to: output)
    if json { return try Console.print(json: exported.report) }
    print(ExportText.lines(of: exported.report, output: self.output).joined(separator: "\n"))
  }

  private func options(for model: Model) throws -> ExportOptions {
    var options = ExportOptions()
    options.method = try integration.method(method)
    options.target = try chosenTarget(for: model)
    options.space = TargetSpace(space.targetSpace)
    options.baseline = try BaselineText.baseline(baselineName ?? "zero")
    options.pictures = try model.pictureRule(preprocess)
    if let chunk { options.chunk = chunk }
    options.input = input
    options.batch = batch
    options.sampleShape = try extents()
    options.opset = opset
    return options
  }

  private var integration: IntegrationOptions {
    IntegrationOptions(steps: stepping.steps, quadrature: quadrature, tolerance: nil)
  }

  private func chosenTarget(for model: Model) throws -> ExportOptions.Target {
    if target == "input" { return .input }
    let names = try LabelText.names(
      model.labels(labels).names, of: model, in: TargetSpace(space.targetSpace), path: labels)
    let chosen = try Target.one(target, labels: names)
    if case .index(let index) = chosen { return .index(index) }
    return .argmax
  }

  private func extents() throws -> [Int]? {
    guard let shape else { return nil }
    let parts = shape.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    let extents = parts.compactMap(\.self)
    guard extents.count == parts.count, extents.allSatisfy({ $0 > 0 }) else {
      throw ValidationError("--shape takes extents such as 3x224x224")
    }
    return extents
  }
}

/// An export told in lines.
enum ExportText {
  static func lines(of report: ExportReport, output: String) -> [String] {
    var how = report.method
    if let steps = report.steps, let quadrature = report.quadrature, let baseline = report.baseline
    {
      how +=
        ", \(Console.count(steps, "step")) (\(quadrature)) from baseline \(baseline)"
      if let chunk = report.chunk, chunk > 1 { how += ", \(chunk) at a time" }
    }
    var lines = ["method  \(how)", "target  \(report.target), \(space(of: report))"]
    lines += ports("input", report.inputs) + ports("output", report.outputs)
    lines.append("\(output) written: opset \(report.opset), \(Console.count(report.nodes)) nodes")
    return lines
  }

  private static func space(of report: ExportReport) -> String {
    report.omittedNode.map { "read before the final '\($0)'" } ?? "read at \(report.targetSpace)"
  }

  private static func ports(_ kind: String, _ ports: [ModelSummary.Port]) -> [String] {
    ports.map { "\(kind.padding(toLength: 8, withPad: " ", startingAt: 0))\($0.name)  \($0.type)" }
  }
}
