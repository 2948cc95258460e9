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

/// What is explained and compared with what: shared by the commands that explain.
struct ComparisonOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where scores are read: logit (a final Softmax is left out), softmax (it is kept) or the name of an output or layer.",
      valueName: "space"), completion: .list(["logit", "softmax"]))
  var targetSpace = "logit"

  @Option(
    name: .customLong("baseline"),
    help: ArgumentHelp(
      "What inputs are compared with: zero (of the model's input space), black, white, mean, blur, noise:SEED, gaussian:SEED, a file, or a folder of files. The maps from several, separated by commas, are averaged.",
      valueName: "baseline,..."),
    completion: .list(["zero", "black", "white", "mean", "blur", "noise:1", "gaussian:1"]))
  private var baselineNames = "zero"

  @Option(
    help: ArgumentHelp(
      "How often ig evaluates the gradient; more make the error of the map smaller. (default: 128)",
      valueName: "count"))
  private var steps: Int?

  @Option(
    name: .customLong("quadrature"),
    help: ArgumentHelp(
      "Where between baseline and input ig evaluates the gradient: warped[:POWER], midpoint, gauss-legendre, left, right, trapezoid; or exact, which splits the path of a small ReLU network wherever it bends. warped puts points closer together near the baseline; a few forward passes find the POWER for each sample where none is given. (default: warped:2)",
      valueName: "rule"),
    completion: .list([
      "warped", "midpoint", "gauss-legendre", "left", "right", "trapezoid", "exact",
    ]))
  private var quadratureName: String?

  @Option(
    help: ArgumentHelp(
      "Let ig evaluate the gradient until the estimated relative error of the map is below this, as in 0.05.",
      valueName: "error"))
  private var tolerance: Double?

  func baselines() throws -> [Baseline] {
    try baselineNames.split(separator: ",", omittingEmptySubsequences: false).map { name in
      guard !name.isEmpty else {
        throw ValidationError("--baseline '\(baselineNames)' has an empty item")
      }
      guard let baseline = Baseline(String(name)) else {
        throw ValidationError("--baseline noise:SEED takes a whole number, as in noise:1")
      }
      return baseline
    }
  }

  /// Refuses settings of Integrated Gradients where no method integrates.
  func requireUse(by methods: [Method]) throws {
    let given = [
      steps.map { _ in "--steps" }, quadratureName.map { _ in "--quadrature" },
      tolerance.map { _ in "--tolerance" },
    ].compactMap(\.self)
    guard let option = given.first, !methods.isEmpty,
      !methods.contains(where: { $0.usesIntegration })
    else { return }
    throw ValidationError(
      "\(option) goes with the methods ig and auto; others take their settings behind their name, as "
        + "in \(methods[0].name):SETTING")
  }

  /// The only baseline.
  func baseline() throws -> Baseline {
    let baselines = try baselines()
    guard let baseline = baselines.first, baselines.count == 1 else {
      throw ValidationError("--baseline takes one baseline here")
    }
    return baseline
  }

  /// The method that an item names, with what these options say beside it.
  func method(_ item: String, fallsBack: Bool = false) throws -> Method {
    var defaults = MethodDefaults()
    defaults.integration = try integration()
    defaults.fallsBack = fallsBack
    do throws(ModelError) {
      return try Method(item, defaults: defaults)
    } catch {
      throw ValidationError(error.reason)
    }
  }

  /// How ig integrates where its item does not say it.
  private func integration() throws -> Integration {
    if let tolerance {
      guard steps == nil, quadratureName == nil else {
        throw ValidationError("--tolerance stands alone, without --steps and --quadrature")
      }
      guard Integration.tolerances.contains(tolerance) else {
        throw ValidationError(
          "--tolerance must be between \(Integration.tolerances.lowerBound) and "
            + "\(Integration.tolerances.upperBound)")
      }
      return .tolerance(tolerance)
    }
    if quadratureName == "exact" {
      guard steps == nil else {
        throw ValidationError("--quadrature exact takes as many steps as the path has pieces")
      }
      return .exact
    }
    let steps = steps ?? Integration.defaultCount
    guard (1...Integration.largestStepCount).contains(steps) else {
      throw ValidationError("--steps must be between 1 and \(Integration.largestStepCount)")
    }
    let name = quadratureName ?? "warped:\(Quadrature.defaultPower)"
    guard let integration = Integration(steps, rule: name) else {
      throw ValidationError(
        "--quadrature '\(name)' is not one of warped[:POWER], midpoint, gauss-legendre, "
          + "left, right, trapezoid, exact; POWER is between 1 and 16")
    }
    return integration
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

  init(_ options: InputOptions) throws {
    try self.init(
      Model(contentsOf: URL(filePath: options.model), precision: options.precision),
      options.inputs, preprocess: options.preprocess, labels: options.labels,
      isQuiet: options.quiet)
  }

  /// - Parameter arguments: files, and NAME=FILE for single inputs of the model.
  init(
    _ model: Model, _ arguments: [String], preprocess: String?, labels: String? = nil,
    isQuiet: Bool
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
    self.labels = try model.labels(labels)
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
