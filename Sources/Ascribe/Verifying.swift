public import Attribution
import Foundation
import Graphs
import Kernels
import Operators
import Rewrites
public import Tensors

/// What `verify` tries, and for how long.
public struct VerificationOptions: Sendable {
  /// The methods, in the order of the table.
  public var methods = Verification.defaultMethods
  /// An inner value on which the axioms are tried in place of the input.
  public var layer: String?
  /// What inputs are compared with.
  public var baseline = Baseline.zero
  /// How black and white pixels become a baseline.
  public var pictures: PictureRule?
  /// The score that is looked at; where it is nil, the one that changes most from the baseline.
  public var target: Target?
  /// Where the scores are read.
  public var space = TargetSpace.logit
  /// What random choices depend on.
  public var seed: UInt64 = 1
  /// Seconds after which no further test is begun.
  public var budget = 60.0

  /// The defaults of the command line.
  public init() {}
}

extension Verification {
  /// The methods of few evaluations and Integrated Gradients, with their own settings; expected gradients
  /// with one sample and with many. Left out are the choice between others and random numbers.
  public static var defaultMethods: [Method] { defaultItems.compactMap { try? Method($0) } }

  /// The items of these methods.
  public static var defaultItems: [String] {
    MethodRegistry.methods.flatMap { type -> [String] in
      switch type.name {
      case Auto.name, RandomAttribution.name: []
      case ExpectedGradients.name: ["\(type.name):1", "\(type.name):32"]
      default:
        [type.name].filter { name in
          guard let rule = try? Method(name).rule else { return false }
          return rule is IntegratedGradients || !rule.evaluatesManyPoints
        }
      }
    }
  }

  /// The methods tried on the reference networks: small ones in float64, on each of which an axiom is known
  /// to hold for some methods and not for others.
  ///
  /// - Parameter progress: told of the share that is done; what it throws ends the run.
  /// - Throws: `ModelError` of kind `fault` if this program is wrong.
  public static func ofReferenceNetworks(
    options: VerificationOptions = VerificationOptions(),
    progress: (Double) throws -> Void = { _ in }
  ) throws -> Verification {
    let networks = try ReferenceNetworks.all()
    let clock = Deadline(options.budget)
    var results: [AxiomResult] = []
    for (number, network) in networks.enumerated() {
      let subject = try AxiomSubject(
        network.name, network.graph, inputs: [network.point], equivalents: network.equivalents,
        seed: options.seed)
      results += try subject.trial(
        of: options.methods,
        isOver: { clock.isOver((Double(number) + $0) / Double(networks.count)) }
      ) {
        try progress((Double(number) + Double($0) / Double($1)) / Double(networks.count))
      }
    }
    return Verification(results, of: options.methods)
  }

  /// The reference networks by name, and what they compute.
  public static var referenceNetworks: [(name: String, formula: String)] {
    ((try? ReferenceNetworks.all()) ?? []).map { ($0.name, $0.formula) }
  }
}

/// The time after which no further test is begun.
private struct Deadline {
  private let start = ContinuousClock.now
  private let seconds: Double

  init(_ seconds: Double) { self.seconds = seconds }

  /// Whether this share of the time is over.
  func isOver(_ share: Double) -> Bool {
    (ContinuousClock.now - start) / .seconds(1) > share * seconds
  }
}

/// A sample that axioms are tried on.
public struct VerifiedInput: Sendable {
  /// What reports call it.
  public let name: String
  /// One tensor per input of the model, for one sample.
  public let tensors: [Tensor]

  /// A sample with its name.
  public init(name: String, tensors: [Tensor]) {
    self.name = name
    self.tensors = tensors
  }
}

/// What is known of a model as a function, before axioms are tried on it.
public struct FunctionFacts: Sendable, Codable {
  /// The degree of homogeneity, where it is proved.
  public let degree: Int?
  /// How far F(2x) is from 2^k F(x), relative; nil where no degree is proved.
  public let scalingError: Double?
  /// For each input the score that axioms are tried with.
  public let targets: [Int]

  /// Writes every key, with null where no degree is proved.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(degree, forKey: .degree)
    try container.encode(scalingError, forKey: .scalingError)
    try container.encode(targets, forKey: .targets)
  }
}

extension ModelSession {
  /// The methods tried by every axiom on samples.
  ///
  /// - Parameters:
  ///   - index: which input of the model is explained.
  ///   - progress: told of the share that is done; what it throws ends the run.
  /// - Throws: `ModelError` if the input has no gradient, the score does not change from the baseline, a
  ///   method names a layer that there is not, or the model is proved homogeneous and is not.
  public func verify(
    _ inputs: [VerifiedInput], at index: Int = 0,
    options: VerificationOptions = VerificationOptions(),
    progress: (Double) throws -> Void = { _ in }
  ) throws -> (facts: FunctionFacts, axioms: Verification) {
    do {
      if options.layer == nil { try model.requireExplainable(index, options.space) }
      for layer in options.methods.compactMap(\.namedLayer) {
        _ = try model.graph.layer(named: layer)
      }
      let choice = try choice(of: options.target)
      let clock = Deadline(options.budget)
      var results: [AxiomResult] = []
      var targets: [Int] = []
      var scaling: (degree: Int, error: Double)?
      for (number, input) in inputs.enumerated() {
        let subject = try subject(input, at: index, options, choosing: choice)
        targets.append(subject.question.target)
        if let found = try subject.homogeneity() {
          try Self.requireScaling(found, subject)
          scaling = (found.degree, max(found.error, scaling?.error ?? 0))
        }
        results += try subject.trial(
          of: options.methods,
          isOver: { clock.isOver((Double(number) + $0) / Double(inputs.count)) }
        ) {
          try progress((Double(number) + Double($0) / Double($1)) / Double(inputs.count))
        }
      }
      return (
        FunctionFacts(degree: scaling?.degree, scalingError: scaling?.error, targets: targets),
        Verification(results, of: options.methods)
      )
    } catch let error as ModelError {
      throw error.inFile(model.url.relativePath)
    }
  }

  /// The samples of an input: its rows, or itself where the model has no rows or mixes them.
  ///
  /// - Throws: `ModelError` if another input has another number of rows.
  public func rows(of input: VerifiedInput, at index: Int) throws -> [VerifiedInput] {
    do throws(ModelError) {
      let samples = try samples(of: input.tensors, at: index)
      return samples.enumerated().map { row, tensors in
        VerifiedInput(
          name: samples.count == 1 ? input.name : "\(input.name)[\(row)]", tensors: tensors)
      }
    } catch {
      throw error.inFile(model.url.relativePath)
    }
  }

  /// A sample for axioms: the model at it, or from a layer on at that layer's value.
  private func subject(
    _ input: VerifiedInput, at index: Int, _ options: VerificationOptions,
    choosing choice: Problem.Targets?
  ) throws -> AxiomSubject {
    let baseline = try baseline(of: input, at: index, options)
    guard let layer = options.layer else {
      return try AxiomSubject(
        input.name, model.graph, inputs: input.tensors, explaining: index, from: baseline,
        space: options.space, choosing: choice, seed: options.seed, in: workspace)
    }
    let rest = try rest(from: layer, of: input.tensors, at: index, baselines: [baseline])
    try model.graph.requireScores(options.space, behind: layer, in: rest.graph)
    return try AxiomSubject(
      input.name, rest.graph, inputs: rest.inputs, explaining: input.tensors.count,
      layer: layer, from: rest.baselines.first, space: options.space, choosing: choice,
      seed: options.seed, in: workspace)
  }

  /// What chooses the score of a target, where one is given.
  private func choice(of target: Target?) throws(ModelError) -> Problem.Targets? {
    guard let target else { return nil }
    let indices = try TargetIndices([target], labels: [])
    guard indices.margins.isEmpty, indices.count == 1 else {
      throw ModelError("axioms are tried on one score: argmax, an index or a label", kind: .usage)
    }
    return { (scores) throws(ModelError) in try indices.indices(in: scores) }
  }

  /// What an input is compared with, of its shape.
  private func baseline(
    of input: VerifiedInput, at index: Int, _ options: VerificationOptions
  ) throws -> Tensor {
    let tensor = input.tensors[index]
    let sample = ModelInput(
      stem: "", path: input.name, tensor: tensor, picture: nil, preprocessing: nil)
    let rule = try options.pictures ?? model.pictureRule(nil)
    let baseline = try model.baseline(
      options.baseline, for: sample, port: model.inputs[index], rule: rule)(tensor)
    guard baseline.shape == tensor.shape else {
      throw ModelError(
        "the baseline has shape \(baseline.shape), the input \(tensor.shape)", kind: .usage)
    }
    return baseline
  }

  private static func requireScaling(
    _ found: (degree: Int, error: Double), _ subject: AxiomSubject
  ) throws(ModelError) {
    guard found.error > max(subject.tolerance.sum, 1e-3) else { return }
    throw ModelError(
      "the model was proved homogeneous of degree \(found.degree), yet F(2x) is \(found.error) off; "
        + "please report this", kind: .fault)
  }
}

extension Model {
  /// The input whose elements get attributions where none is named: the first that holds floating-point
  /// numbers.
  public var explainedInput: Int {
    inputs.firstIndex { $0.elementType?.isFloatingPoint ?? false } ?? 0
  }

  func requireExplainable(_ index: Int, _ space: TargetSpace) throws(ModelError) {
    guard index < inputs.count else {
      throw ModelError("the model has no input \(index)", kind: .usage)
    }
    try graph.requireExplainable(
      graph.inputs[index], from: try graph.scores(in: space).value, option: "--layer")
  }

  /// Seeded noise between -1 and 1 for every floating-point input, zeros for others: one sample of the
  /// declared shapes, 224 pixels where a picture's are open.
  ///
  /// - Throws: `ModelError` if an input declares no dimensions.
  public func noise(seed: UInt64) throws -> [Tensor] {
    guard let shapes = graph.defaultShapes else {
      throw ModelError(
        "an input has no declared rank; give files for the inputs", kind: .usage,
        file: url.relativePath)
    }
    return try zip(inputs, shapes).enumerated().map { place, item in
      let type = item.0.elementType ?? .float32
      guard item.1.elementCount <= Self.largestNoise else {
        throw ModelError(
          "input '\(item.0.name)' is \(item.0.typeDescription); give files for the inputs",
          kind: .usage,
          file: url.relativePath)
      }
      guard type.isFloatingPoint else {
        return Tensor(repeating: 0.0, shape: item.1).converted(to: type)
      }
      return Tensor.noise(shape: item.1, seed: seed &+ UInt64(place)).converted(to: type)
    }
  }

  /// Elements of an input that is made up.
  private static let largestNoise = 1 << 26

  /// Products of numbers that one sample of the declared shapes takes; nil where shapes are not declared.
  public var multiplications: Int? {
    guard let typed = try? graph.specializedToDefaults(in: Workspace()) else { return nil }
    var sum = 0
    for node in typed.nodes {
      guard let output = typed.type(of: node.outputs[0])?.shape,
        node.inputs.count > 1, let weights = node.inputs[1].flatMap({ typed.type(of: $0)?.shape })
      else { continue }
      let terms: Int
      switch node.operatorName {
      case "Conv": terms = weights.dropFirst().reduce(1, *)
      case "Gemm", "MatMul": terms = weights.elementCount / max(output.dimensions.last ?? 1, 1)
      default: continue
      }
      let (product, overflow) = output.elementCount.multipliedReportingOverflow(by: terms)
      let (total, isTooLarge) = sum.addingReportingOverflow(product)
      guard !overflow, !isTooLarge else { return nil }
      sum = total
    }
    return sum
  }

  /// The precision to verify in: float64 for a model that plain loops run in milliseconds.
  public var verificationPrecision: Precision {
    (multiplications ?? .max) <= 3_000_000 ? .float64 : .declared
  }
}
