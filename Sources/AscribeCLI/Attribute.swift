import ArgumentParser
import Ascribe
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
      the score's difference from the baseline; mean gradients (secant) add up whatever their error, \
      which --tolerance estimates.

      \(MethodText.list())
      """)

  @Option(
    help: ArgumentHelp(
      "The scores to explain: argmax, top5, an index, a label, or A-B for how much more speaks for A than for B (two indices or labels); several with commas share one forward pass. Labels that hold commas or hyphens are found as they are, the longest first.",
      valueName: "target,..."))
  var target = "argmax"

  @Option(
    help: ArgumentHelp(
      "How attributions are computed: one of the methods above, with its settings.",
      valueName: "method"),
    completion: .list(Method.all.map { $0.name }))
  var method = "auto"

  @Flag(
    help:
      "With --method xg: where the model is not homogeneous, compute input-x-gradient and name it so."
  )
  var force = false

  @OptionGroup var comparison: ComparisonOptions

  @Option(
    help: ArgumentHelp(
      "An inner value to explain in place of the input, or whose path conductance goes along; inspect --layers lists them.",
      valueName: "name"))
  var layer: String?

  @Option(
    help: ArgumentHelp(
      "What the random numbers of a method depend on. (default: 0)", valueName: "number"))
  var seed: UInt64?

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
    let options = try attributionOptions()
    try comparison.requireUse(by: [options.method])
    try comparison.requireBaselineUse(by: [options.method])
    try requireUse(by: options.method)
    guard !force || options.method == .xGradient else {
      throw ValidationError("--force goes with --method xg")
    }
    _ = try formats()
    let items = target.split(separator: ",", omittingEmptySubsequences: false)
    guard !items.contains(where: { $0.allSatisfy(\.isWhitespace) }) else {
      throw ValidationError("--target '\(target)' has an empty item")
    }
  }

  /// Refuses options that a method does not read.
  private func requireUse(by method: Method) throws {
    guard seed == nil || method.readsSeed else {
      throw ValidationError(
        "--seed has no influence on '\(method.name)', which draws no random numbers; leave it out")
    }
    let isNarrow = options.precision == .bf16 || options.precision == .bf16Gradients
    let reads = options.precision == .bf16 ? method.readsPrecision : method.readsGradientPrecision
    let readsLayer = layer != nil && options.precision == .bf16 && method.readsPoint
    guard !isNarrow || reads || readsLayer else {
      throw ValidationError(
        "--precision \(options.precision.rawValue) has no influence on '\(method)', which is "
          + "computed in float32; leave it out")
    }
  }

  func run() throws {
    var attributionOptions = try attributionOptions()
    let formats = try formats()
    let job = try Job(options, baselines: attributionOptions.baselines)
    let names = try LabelText.names(
      job.labels, of: job.model, in: attributionOptions.space, path: options.labels)
    attributionOptions.targets = try Target.list(target, labels: names)
    try job.requireDistinctStems()
    if formats?.contains(.png) == true { try requirePictures(job) }
    try OutputFile.makeFolder(output)
    let digest = job.model.sha256()
    let named = namedFiles(job, attributionOptions)
    let bar = ProgressBar("explaining", isQuiet: options.quiet)
    defer { bar.finish() }
    var reports: [ExplanationReport] = []
    var repeated: [(report: ExplanationReport, explanation: Explanation)] = []
    var stepsBefore = 0.0
    for (number, path) in job.files.enumerated() {
      let input = try job.read(path)
      let stepsHere = Self.steps(attributionOptions, rows: input.tensor.shape.first ?? 1)
      let explanations = try explain(input, job, attributionOptions) { share in
        let done = (Double(number) + share) / Double(job.files.count)
        bar.show(done, steps: stepsHere.map { stepsBefore + share * $0 })
      }
      stepsBefore += stepsHere ?? 0
      for explanation in explanations.joined() {
        try comparison.requireUse(by: explanation.method, for: attributionOptions.method)
      }
      let writer = ExplanationWriter(
        job: job, input: input, options: attributionOptions, digest: digest, folder: output,
        named: named)
      let written = try writer.write(explanations, formats: formats)
      bar.finish()
      if !json { written.forEach { print(Self.text(of: $0.report, $0.explanation)) } }
      reports += written.map(\.report)
      repeated += written.filter { !$0.explanation.otherNames.isEmpty }
    }
    if json { try Console.print(json: reports) }
    if force, !options.quiet, reports.contains(where: { $0.method != Method.xGradient.name }) {
      Console.note(
        "note: the model is not homogeneous, so this is input-x-gradient and not xg; it need not add "
          + "up to the score")
    }
    if !options.quiet { noteRepetitions(repeated) }
    if let node = reports.first?.omittedNode, !options.quiet {
      Console.note(
        "note: scores are read before the final '\(node)'; --target-space softmax reads behind it")
    }
  }

  /// Says of the first explanation for which several targets stood which they were.
  private func noteRepetitions(
    _ repeated: [(report: ExplanationReport, explanation: Explanation)]
  ) {
    guard let first = repeated.first else { return }
    let explanation = first.explanation
    /// A name with the label of its score, where it is a number.
    func said(_ name: String) -> String {
      guard Int(name) != nil, let label = explanation.target.label else { return name }
      return "\(name) (\(label))"
    }
    let others = explanation.otherNames.map(said)
    let more = repeated.count > 1 ? "; \(repeated.count - 1) more are like that" : ""
    Console.note(
      "note: \(first.report.input): target \(others.joined(separator: " and ")) is the score of target "
        + "\(said(explanation.name)), explained once; the files of all names are the same\(more)")
  }

  private func explain(
    _ input: ModelInput, _ job: Job, _ options: AttributionOptions,
    progress: @escaping (Double) -> Void
  ) throws -> [[Explanation]] {
    let baselines = try job.model.baselines(
      options.baselines, for: input, port: job.port, rule: job.rule)
    return try job.session.explain(
      job.tensors(with: input), at: job.portIndex, options: options, labels: job.labels,
      baselines: baselines.rows, baselineNames: baselines.names, progress: progress)
  }

  /// The places of all files that the options name, those in folders of baselines included.
  private func namedFiles(_ job: Job, _ settings: AttributionOptions) -> Set<String> {
    var paths = job.files + [options.model, options.labels, options.preprocess].compactMap(\.self)
    paths += options.inputs.compactMap { argument in
      argument.firstIndex(of: "=").map { String(argument[argument.index(after: $0)...]) }
    }
    for case .file(let path) in settings.baselines {
      paths.append(path)
      let inside = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
      paths += inside.map { "\(path)/\($0)" }
    }
    return Set(paths.map(ExplanationWriter.place))
  }

  /// The steps of all explanations of an input, where they are known beforehand.
  private static func steps(_ options: AttributionOptions, rows: Int) -> Double? {
    guard let steps = options.method.integration?.count else { return nil }
    return Double(steps * rows * options.targets.count * options.baselines.count)
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
    options.method = try comparison.method(method, fallsBack: force)
    options.space = TargetSpace(comparison.targetSpace)
    options.baselines = try comparison.baselines()
    options.layer = layer
    if let seed { options.seed = seed }
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

  private static func text(of report: ExplanationReport, _ explanation: Explanation) -> String {
    let target = report.target
    let index = "\(target.index)" + (target.comparedWith.map { "-\($0)" } ?? "")
    var facts = [explanation.how, "score \(Console.number(report.score, digits: 6))"]
    if let error = report.relativeCompletenessError {
      facts.append(Explanation.completeness(error))
    }
    facts.append("\(Console.number(report.seconds, digits: 3)) s")
    return "\(report.input): \(index)\(target.label.map { " \($0)" } ?? "") "
      + "(\(facts.joined(separator: ", ")))"
  }
}
