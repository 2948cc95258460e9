public import ArgumentParser
public import Ascribe
import Foundation

/// `ascribe attribute`: why a model says so.
struct Attribute: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Explains predictions: which parts of each input a score comes from.",
    usage: "ascribe attribute [<options>] <model> <input> ...",
    discussion: """
      For each input the output folder receives INPUT.npy (the attribution of each element), \
      INPUT.json (the facts) and, for a picture, INPUT.png (the picture, what matters of it, and \
      the signed map). The completeness error says how far the attributions are from adding up to \
      the score's difference from the baseline.
      """)

  @Option(
    help: ArgumentHelp(
      "The scores to explain: argmax, an index or a label; several with commas.",
      valueName: "target,..."))
  var target = "argmax"

  @Option(help: "How attributions are computed.")
  var method: Method = .auto

  @Flag(
    help:
      "With --method xg: where the model is not homogeneous, compute input-x-gradient and name it so."
  )
  var force = false

  @OptionGroup var comparison: ComparisonOptions

  @Option(
    help: ArgumentHelp(
      "How often ig evaluates the gradient; more make the completeness error smaller.",
      valueName: "count"))
  var steps = 128

  @Option(
    help: ArgumentHelp(
      "An inner value to explain in place of the input; inspect --layers lists them.",
      valueName: "name"))
  var layer: String?

  @Option(
    help: ArgumentHelp("The folder that receives the results.", valueName: "folder"),
    completion: .directory)
  var output = "."

  @Option(
    help: ArgumentHelp(
      "The files to write: npy, json, png. (default: all that the input allows)",
      valueName: "format,..."))
  var format: String?

  @OptionGroup var options: InputOptions

  @Flag(help: "Print one JSON array in place of lines.")
  var json = false

  func validate() throws {
    guard !force || method == .xGradient else {
      throw ValidationError("--force goes with --method xg")
    }
    guard (1...1_000_000).contains(steps) else {
      throw ValidationError("--steps must be between 1 and 1000000")
    }
    _ = try attributionOptions()
    _ = try formats()
  }

  func run() throws {
    var attributionOptions = try attributionOptions()
    let formats = try formats()
    let job = try Job(options)
    // A label may hold commas itself.
    if job.labels.contains(target) { attributionOptions.targets = [.label(target)] }
    try job.requireDistinctStems()
    if formats?.contains(.png) == true { try requirePictures(job) }
    try OutputFile.makeFolder(output)
    let digest = job.model.sha256()
    let bar = ProgressBar("explaining", isQuiet: options.quiet)
    defer { bar.finish() }
    var reports: [ExplanationReport] = []
    var stepsBefore = 0.0
    for (number, path) in job.files.enumerated() {
      let input = try job.read(path)
      let rows = input.tensor.shape.first ?? 1
      let stepsHere = Double(rows * attributionOptions.targets.count * steps)
      let explanations = try explain(input, job, attributionOptions) { share in
        let done = (Double(number) + share) / Double(job.files.count)
        bar.show(done, steps: stepsBefore + share * stepsHere)
      }
      stepsBefore += stepsHere
      let writer = ExplanationWriter(
        job: job, input: input, options: attributionOptions, digest: digest, folder: output)
      let written = try writer.write(explanations, formats: formats)
      bar.finish()
      if !json { written.forEach { print(Self.text(of: $0)) } }
      reports += written
    }
    if json { try Console.print(json: reports) }
    if force, !options.quiet, reports.contains(where: { $0.method != Method.xGradient.rawValue }) {
      Console.note(
        "note: the model is not homogeneous, so this is input-x-gradient and not xg; it need not add "
          + "up to the score")
    }
    if let node = reports.first?.omittedNode, !options.quiet {
      Console.note(
        "note: scores are read before the final '\(node)'; --target-space softmax reads behind it")
    }
  }

  private func explain(
    _ input: ModelInput, _ job: Job, _ options: AttributionOptions,
    progress: (Double) -> Void
  ) throws -> [[Explanation]] {
    let baseline = try job.model.baseline(
      options.baseline, for: input, port: job.port, rule: job.rule)
    return try job.session.explain(
      job.tensors(with: input), at: job.portIndex, options: options, labels: job.labels,
      baseline: { baseline($0) }, progress: { progress($0) })
  }

  private func requirePictures(_ job: Job) throws {
    guard layer == nil else {
      throw ModelError("a layer has no picture; leave png out of --format", kind: .usage)
    }
    for path in job.files where !ModelInput.isPicture(path) {
      throw ModelError(
        "a tensor has no picture; leave png out of --format", kind: .usage, file: path)
    }
  }

  private func attributionOptions() throws -> AttributionOptions {
    var options = AttributionOptions()
    options.method = method
    options.fallsBack = force
    options.targets = try target.split(separator: ",", omittingEmptySubsequences: false).map {
      let text = $0.trimmingCharacters(in: .whitespaces)
      guard !text.isEmpty else { throw ValidationError("--target '\(target)' has an empty item") }
      return text == "argmax" ? .argmax : Int(text).map(Target.index) ?? .label(text)
    }
    guard Set(options.targets).count == options.targets.count else {
      throw ValidationError("--target '\(target)' names one target twice")
    }
    options.space = TargetSpace(comparison.targetSpace)
    options.baseline = try comparison.baseline()
    options.steps = steps
    options.quadrature = try comparison.quadrature()
    options.layer = layer
    return options
  }

  private func formats() throws -> Set<OutputFormat>? {
    guard let format else { return nil }
    let names = format.split(separator: ",").map(String.init)
    let formats = names.compactMap(OutputFormat.init)
    guard formats.count == names.count, !formats.isEmpty else {
      throw ValidationError("--format takes npy, json and png, separated by commas")
    }
    return Set(formats)
  }

  private static func text(of report: ExplanationReport) -> String {
    let label = report.target.label.map { " \($0)" } ?? ""
    var facts = ["\(report.method)", "score \(Console.number(report.score, digits: 6))"]
    if let error = report.relativeCompletenessError, report.method != "gradient" {
      facts.append("completeness error \(Console.number(100 * error, digits: 3)) %")
    }
    facts.append("\(Console.number(report.seconds, digits: 3)) s")
    return "\(report.input): \(report.target.index)\(label) (\(facts.joined(separator: ", ")))"
  }
}

extension Method: ExpressibleByArgument {
  /// What the help says of each method.
  public static var allValueDescriptions: [String: String] {
    Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0.help) })
  }

  private var help: String {
    switch self {
    case .auto: "xg if the model is proved homogeneous and the baseline is zero, else ig."
    case .integratedGradients: "Integrated Gradients, from the baseline to the input."
    case .xGradient: "Input times gradient, where that is proved to equal ig."
    case .gradient: "The gradient of the score."
    case .inputXGradient: "Input times gradient."
    }
  }
}
