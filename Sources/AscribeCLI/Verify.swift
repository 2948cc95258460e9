import ArgumentParser
import Ascribe
import Foundation

/// `ascribe verify`: whether a model computes what it should, and which axioms hold for which methods.
struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tries attribution methods on a model by the axioms that they should obey.",
    usage: """
      ascribe verify [<options>] <model> [<input> ...]
      ascribe verify --reference [<options>]
      """,
    discussion: """
      First the model itself: it must compute what was saved beside it, in folders \
      test_data_set_* of input_K.pb and output_K.pb, or in MODEL.input.npy and MODEL.output.npy.

      Then every method by every axiom, from the zero baseline and for the score that changes \
      most unless options say otherwise: a mark and a number. A test finds counter-examples, which are printed; \
      it proves nothing.

      \(axioms)

      Inputs are pictures or tensors; without any, one sample of seeded noise. With --layer the axioms \
      are tried on what the model computes from the layer on, at the layer's values for input and \
      baseline; other inputs of that part stay as they are.

      Exit codes: 65 if the model does not compute what was saved with it; 70 if an axiom fails \
      that is proved for a method; 0 if others fail.

      \(MethodText.list())
      """)

  private static var axioms: String {
    Verification.knownAxioms.map { "\($0.name): \($0.summary). The number: \($0.measure)." }.joined(
      separator: "\n\n")
  }

  @Argument(help: "An .onnx file.", completion: .file(extensions: ["onnx"]))
  var model: String?

  @Argument(
    help: ArgumentHelp(
      "Pictures or tensors. NAME=FILE is what the model's input NAME gets with all of them.",
      valueName: "input"), completion: .file())
  var inputs: [String] = []

  @Flag(
    help: ArgumentHelp(
      "Try the methods on small networks that tell them apart, in place of a model."))
  var reference = false

  @Option(
    help: ArgumentHelp(
      "The methods, separated by commas. (default: ig and those of few evaluations)",
      valueName: "method,..."))
  var methods: String?

  @Option(
    help: ArgumentHelp(
      "The score to look at: argmax, an index or a label. (default: the one that changes most from the baseline)",
      valueName: "target"), completion: .list(["argmax"]))
  var target: String?

  @OptionGroup var comparison: ComparisonOptions

  @Option(
    help: ArgumentHelp(
      "An inner value to try the axioms on in place of the input, which a model of tokens needs; inspect --layers lists them.",
      valueName: "name"))
  var layer: String?

  @Option(help: ArgumentHelp("What random numbers depend on.", valueName: "number"))
  var seed: UInt64 = 1

  @Option(
    help: ArgumentHelp(
      "The numbers to compute with. (default: float64 for a model of at most 3 million products, whose slow, "
        + "plain loops take milliseconds; else float32, with wider tolerances)",
      valueName: "type"))
  private var precision: VerifiedPrecision?

  @Option(
    help: ArgumentHelp(
      "How pictures become numbers, as for ascribe attribute.", valueName: "preset|file"),
    completion: .list(["imagenet", "caffe", "unit", "raw"]))
  var preprocess: String?

  @Option(
    help: ArgumentHelp(
      "The names of the classes, one a line. (default: MODEL.labels.txt beside the model)",
      valueName: "file"), completion: .file())
  var labels: String?

  @Option(
    help: ArgumentHelp("No test is begun after so many seconds.", valueName: "seconds"))
  var budget = 60.0

  @Flag(help: "Print one JSON object in place of tables.")
  var json = false

  @Flag(name: .shortAndLong, help: "Print neither progress nor notes on standard error.")
  var quiet = false

  func validate() throws {
    guard reference == (model == nil) else {
      throw ValidationError(
        reference
          ? "--reference takes no model: it tries the methods on networks of its own"
          : "name a model, or give --reference for the networks that tell methods apart")
    }
    let forModels = [
      target.map { _ in "--target" }, labels.map { _ in "--labels" }, comparison.optionOfModels,
      layer.map { _ in "--layer" }, precision.map { _ in "--precision" },
    ].compactMap(\.self)
    if reference, let option = forModels.first {
      throw ValidationError("\(option) goes with a model, not with --reference")
    }
    let baseline = try comparison.baseline()
    guard labels == nil || target != nil else {
      throw ValidationError(
        "--labels has no influence without --target, which takes a label; give that, or leave it out"
      )
    }
    if labels != nil, let target, LabelText.needsNone(target) { throw LabelText.unread(target) }
    guard preprocess == nil || !inputs.isEmpty || baseline.readsPixels else {
      throw ValidationError(PreprocessText.unread)
    }
    let methods = try chosenMethods()
    try comparison.requireUse(by: methods)
    guard budget > 0, budget.isFinite else {
      throw ValidationError("--budget must be a number of seconds above 0")
    }
  }

  func run() throws {
    var options = VerificationOptions()
    options.seed = seed
    options.budget = budget
    options.methods = try chosenMethods()
    options.baseline = try comparison.baseline()
    options.space = TargetSpace(comparison.targetSpace)
    options.layer = layer
    let bar = ProgressBar("verifying", isQuiet: quiet)
    defer { bar.finish() }
    let report: VerificationReport
    if let model {
      report = try self.report(on: model, options, bar)
    } else {
      let axioms = try Verification.ofReferenceNetworks(options: options) {
        bar.show($0, steps: nil)
      }
      report = VerificationReport(verification: axioms, seed: seed)
    }
    bar.finish()
    if json { try Console.print(json: report) } else { print(report.text) }
    try Console.finish()
    try requirePromises(report.verification)
  }

  private func chosenMethods() throws -> [Method] {
    let items = methods?.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    let chosen = try (items ?? Verification.defaultItems).map { try comparison.method($0) }
    if let method = chosen.first(where: { $0.attributedLayer != nil }) {
      throw ValidationError(
        "method '\(method.name)' gives a map of a layer of its own; leave it out, the axioms are about maps of the "
          + "input or of --layer")
    }
    guard Set(chosen).count == chosen.count else {
      throw ValidationError("--methods '\(methods ?? "")' names one method twice")
    }
    return chosen
  }

  /// The score to look at, by its index.
  private func chosenTarget(for model: Model) throws -> Target? {
    guard let target else { return nil }
    let names = try LabelText.names(
      model.labels(labels).names, of: model, in: TargetSpace(comparison.targetSpace), path: labels)
    return try Target.one(target, labels: names)
  }

  private func report(
    on path: String, _ options: VerificationOptions, _ bar: ProgressBar
  ) throws -> VerificationReport {
    var options = options
    let url = URL(filePath: path)
    let asked = precision == .float64 ? Precision.float64 : .declared
    var model = try Model(contentsOf: url, precision: asked)
    if precision == nil, model.verificationPrecision == .float64 {
      model = try Model(contentsOf: url, precision: .float64)
    }
    options.target = try chosenTarget(for: model)
    options.pictures = try model.pictureRule(preprocess)
    let session = ModelSession(model)
    let saved = try session.savedOutputs()
    if let bad = saved.first(where: { !$0.agrees }) {
      throw ModelError(
        "the model does not compute what was saved with it: element \(bad.element) of "
          + "'\(bad.output)' is \(Console.number(bad.computed)), \(bad.source) has "
          + "\(Console.number(bad.saved)); export it again, or find out which of the two is right",
        file: path)
    }
    let (samples, index) = try samples(for: session)
    let (facts, axioms) = try session.verify(samples, at: index, options: options) {
      bar.show($0, steps: nil)
    }
    return VerificationReport(
      verification: axioms, seed: seed, model: path, precision: model.precision, saved: saved,
      function: facts, inputs: samples.map(\.name), layer: layer,
      baseline: options.baseline.description, isTargetGiven: target != nil)
  }

  /// The rows of the files, or seeded noise; and which input of the model they are for.
  private func samples(for session: ModelSession) throws -> ([VerifiedInput], Int) {
    let model = session.model
    guard !inputs.isEmpty else {
      let port = model.inputs.dropFirst(model.explainedInput).first
      if layer != nil, let port, port.elementType?.isFloatingPoint == false {
        throw ModelError(
          "input '\(port.name)' is \(port.typeDescription), of which there is no noise; give a file for it",
          kind: .usage, file: self.model)
      }
      let noise = VerifiedInput(
        name: "noise of seed \(seed)", tensors: try model.noise(seed: seed))
      let first = try session.rows(of: noise, at: model.explainedInput).first ?? noise
      return (
        [VerifiedInput(name: noise.name, tensors: first.tensors)], model.explainedInput
      )
    }
    let job = try Job(
      model, inputs, preprocess: preprocess, baselines: [comparison.baseline()], isQuiet: quiet)
    let samples = try job.files.flatMap { path in
      let input = VerifiedInput(name: path, tensors: job.tensors(with: try job.read(path)))
      return try session.rows(of: input, at: job.portIndex)
    }
    return (samples, job.portIndex)
  }

  /// Refuses to end well if an axiom fails that is proved for the method.
  private func requirePromises(_ verification: Verification) throws {
    let broken = verification.brokenPromises
    guard let first = broken.first else { return }
    let more = broken.count > 1 ? " and \(broken.count - 1) more" : ""
    throw ModelError(
      "\(first.axiom) is proved for \(first.method) and fails here\(more); try --precision float64, "
        + "and report it if that does not help", kind: .fault, file: model)
  }
}

/// What maps are computed in; others than these differ too much to be compared.
private enum VerifiedPrecision: String, CaseIterable, ExpressibleByArgument {
  case float32, float64
}
