public import ArgumentParser
import Ascribe
import Foundation

/// The model and what it is given: shared by the commands that run it.
struct InputOptions: ParsableArguments {
  @Argument(help: "An .onnx file.", completion: .file(extensions: ["onnx"]))
  var model: String

  @Argument(
    help: ArgumentHelp(
      "Pictures or tensors. NAME=FILE is what the model's input NAME gets with all of them.",
      valueName: "input"), completion: .file())
  var inputs: [String]

  @Option(
    help: ArgumentHelp(
      "How pictures become numbers: imagenet, caffe, unit, raw or a JSON file. (default: MODEL.preprocess.json beside the model, else imagenet, or unit for one channel)",
      valueName: "preset|file"), completion: .list(["imagenet", "caffe", "unit", "raw"]))
  var preprocess: String?

  @Option(
    help: ArgumentHelp(
      "The names of the classes, one a line. (default: MODEL.labels.txt beside the model)",
      valueName: "file"), completion: .file())
  var labels: String?

  @Option(
    help: ArgumentHelp(
      "The numbers to compute with. bf16 and bf16-gradients are faster and keep three digits of "
        + "activations and gradients, or of gradients only; float64 runs slow, plain reference "
        + "kernels.",
      valueName: "type"))
  var precision: Precision = .declared

  @Flag(name: .shortAndLong, help: "Print neither progress nor notes on standard error.")
  var quiet = false
}

extension Precision: ExpressibleByArgument {}

/// Where scores are read: shared by the commands that explain.
struct TargetSpaceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where scores are read: logit (a final Softmax is left out), softmax (it is kept) or the name of an output or layer.",
      valueName: "space"), completion: .list(["logit", "softmax"]))
  var targetSpace = "logit"
}

/// How often ig evaluates the gradient: shared by the commands that explain.
struct StepOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How often ig evaluates the gradient; more make the error of the map smaller. (default: 128)",
      valueName: "count"))
  var steps: Int?
}

/// What is explained and compared with what: shared by the commands that explain.
struct ComparisonOptions: ParsableArguments {
  @OptionGroup private var space: TargetSpaceOptions

  @Option(
    name: .customLong("baseline"),
    help: ArgumentHelp(
      "What inputs are compared with: zero (of the model's input space), black, white, mean, blur, noise:SEED, gaussian:SEED or a file. The maps from several, named with commas or as a folder of files, are averaged; ascribe verify takes one only. (default: zero)",
      valueName: "baseline,..."),
    completion: .list(["zero", "black", "white", "mean", "blur", "noise:1", "gaussian:1"]))
  private var baselineNames: String?

  @OptionGroup private var stepping: StepOptions

  @Option(
    name: .customLong("quadrature"),
    help: ArgumentHelp(
      "How ig adds up the gradient between baseline and input: secant, mean gradients of pieces of the way; or gradients at points, placed by warped[:POWER], midpoint, gauss-legendre, left, right, trapezoid; or exact, which splits the way of a small ReLU network wherever it bends. warped puts points closer together near the baseline; a few forward passes find the POWER for each sample where none is given. (default: secant, warped:2 for models without mean gradients)",
      valueName: "rule"),
    completion: .list([
      "secant", "warped", "midpoint", "gauss-legendre", "left", "right", "trapezoid", "exact",
    ]))
  private var quadratureName: String?

  @Option(
    help: ArgumentHelp(
      "Let ig evaluate the gradient until the estimated relative error of the map is below this, as in 0.05.",
      valueName: "error"))
  private var tolerance: Double?

  /// Where scores are read, as named.
  var targetSpace: String { space.targetSpace }

  func baselines() throws -> [Baseline] { try BaselineText.baselines(baselineNames ?? "zero") }

  /// An option that is given and makes sense with a model only.
  var optionOfModels: String? {
    baselineNames != nil ? "--baseline" : targetSpace != "logit" ? "--target-space" : nil
  }

  /// The only baseline.
  func baseline() throws -> Baseline { try BaselineText.baseline(baselineNames ?? "zero") }

  /// Refuses settings of Integrated Gradients that no method reads.
  func requireUse(by methods: [Method]) throws { try integration.requireUse(by: methods) }

  /// Refuses settings of Integrated Gradients that nothing reads since `auto` came to the X-gradient.
  func requireUse(by used: Method, for asked: Method) throws {
    try integration.requireUse(by: used.name, for: asked)
  }

  /// Refuses a baseline that no method reads.
  func requireBaselineUse(by methods: [Method]) throws {
    if baselineNames != nil { try BaselineText.requireUse(by: methods) }
  }

  /// The method that an item names, with what these options say beside it.
  func method(_ item: String, fallsBack: Bool = false) throws -> Method {
    try integration.method(item, fallsBack: fallsBack)
  }

  private var integration: IntegrationOptions {
    IntegrationOptions(steps: stepping.steps, quadrature: quadratureName, tolerance: tolerance)
  }
}

/// A model with its session and everything that its inputs need.
struct Job {
  let model: Model
  let session: ModelSession
  let rule: PictureRule
  let labels: [String]
  /// The files for the input that varies, in the order given.
  let files: [String]
  /// The input that varies.
  let port: ModelPort
  let portIndex: Int
  /// The other inputs, by name.
  private let fixed: [String: ModelInput]

  init(_ options: InputOptions, baselines: [Baseline] = []) throws {
    try self.init(
      Model(contentsOf: URL(filePath: options.model), precision: options.precision),
      options.inputs, preprocess: options.preprocess, baselines: baselines, labels: options.labels,
      isQuiet: options.quiet)
  }

  /// - Parameters:
  ///   - arguments: files, and NAME=FILE for single inputs of the model.
  ///   - baselines: what inputs are compared with, which may be of pixels too.
  /// - Throws: `ModelError` if an input is missing or does not fit, or if there is a preprocessing and
  ///   nothing to preprocess.
  init(
    _ model: Model, _ arguments: [String], preprocess: String?, baselines: [Baseline] = [],
    labels: String? = nil, isQuiet: Bool
  ) throws {
    let rule = try model.pictureRule(preprocess)
    let (named, files) = Self.split(arguments, model)
    var fixed: [String: ModelInput] = [:]
    for (port, path) in named {
      guard fixed[port.name] == nil else {
        throw ModelError("input '\(port.name)' is given twice", kind: .usage)
      }
      fixed[port.name] = try model.input(contentsOf: path, for: port, rule: rule)
    }
    let open = model.inputs.indices.filter { fixed[model.inputs[$0].name] == nil }
    guard let index = open.first ?? (files.isEmpty ? model.inputs.indices.first : nil) else {
      throw ModelError(
        model.inputs.isEmpty
          ? "the model takes no input" : "every model input is given by NAME=FILE already",
        kind: .usage)
    }
    guard open.count <= 1 else {
      let names = open.dropFirst().map { model.inputs[$0].name }.joined(separator: ", ")
      throw ModelError("the model needs further inputs; give NAME=FILE for \(names)", kind: .usage)
    }
    self.model = model
    self.session = ModelSession(model)
    self.rule = rule
    let found = try model.labels(labels)
    self.labels = found.names
    if let note = found.note, !isQuiet { Console.note("note: \(note)") }
    self.port = model.inputs[index]
    self.portIndex = index
    // With every input named, the first one is explained.
    let own = named.filter { $0.port.name == model.inputs[index].name }.map(\.path)
    self.files = files.isEmpty ? own : files
    self.fixed = fixed
    guard !self.files.isEmpty else {
      throw ModelError("no file is given for input '\(port.name)'", kind: .usage)
    }
    for path in self.files where !FileManager.default.fileExists(atPath: path) {
      throw ModelError("there is no such file", kind: .noInput, file: path)
    }
    let readsPixels =
      self.files.contains(where: ModelInput.isPicture)
      || fixed.values.contains { $0.picture != nil } || baselines.contains(where: \.readsPixels)
    guard preprocess == nil || readsPixels else {
      throw ModelError(PreprocessText.unread, kind: .usage)
    }
    if rule.isGuess, self.files.contains(where: ModelInput.isPicture), !isQuiet {
      Console.note("note: pictures are preprocessed as '\(rule.name)'; --preprocess says otherwise")
    }
  }

  /// Refuses files whose results would get the same name.
  func requireDistinctStems() throws {
    var paths: [String: String] = [:]
    for path in files {
      let stem = ModelInput.stem(of: path)
      guard let other = paths.updateValue(path, forKey: stem) else { continue }
      throw ModelError(
        "the results of '\(other)' and '\(path)' would both be named '\(stem)'; "
          + "run the program once for each, with --output folders of their own", kind: .usage)
    }
  }

  /// The content of one of the files.
  func read(_ path: String) throws -> ModelInput {
    try model.input(contentsOf: path, for: port, rule: rule)
  }

  /// All inputs of the model, with `input` in its place.
  func tensors(with input: ModelInput) -> [Tensor] {
    model.inputs.enumerated().compactMap { index, port in
      index == portIndex ? input.tensor : fixed[port.name]?.tensor
    }
  }

  private static func split(
    _ arguments: [String], _ model: Model
  ) -> (named: [(port: ModelPort, path: String)], files: [String]) {
    var named: [(port: ModelPort, path: String)] = []
    var files: [String] = []
    for argument in arguments {
      let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
      if parts.count == 2, let port = model.inputs.first(where: { $0.name == parts[0] }) {
        named.append((port, parts[1]))
      } else {
        files.append(argument)
      }
    }
    return (named, files)
  }
}

/// What `--preprocess` says.
enum PreprocessText {
  /// Why one that nothing reads is refused.
  static let unread =
    "--preprocess says how pictures become numbers, and no input or baseline is a picture; leave it out"
}
