public import Attribution
import Evaluation
import Foundation
import Graphs
import Reports
import Tensors

/// The facts of an explanation, as `S.json` holds them.
public struct ExplanationReport: Sendable, Codable {
  /// The model file.
  public let model: String
  /// The digest of the model file.
  public let modelSHA256: String
  /// The input file, with `#row` where the file holds several samples.
  public let input: String
  /// The method, as named on the command line; never `auto`.
  public let method: String
  /// What was explained.
  public let target: ExplainedTarget
  /// The names of the targets that came to this score: those of its files, as in `NAME.argmax.json`.
  public let targetNames: [String]
  /// The final node that was left out so that scores are logits; absent where none was.
  public let omittedNode: String?
  /// The inner value that was explained in place of the input.
  public let layer: String?
  /// The layer along whose path a method of a layer of its own went; absent where that is the input's.
  public let pathLayer: String?
  /// What the input was compared with; absent for methods that compare with nothing.
  public let baseline: String?
  /// What each of several baselines gave; absent for a single one.
  public let baselines: [NamedBaseline]?
  /// The rule of Integrated Gradients; one for each baseline where it was found for the path.
  public let quadrature: String?
  /// Evaluations of the gradient on the path of Integrated Gradients.
  public let steps: Int?
  /// The relative L2 error of the map as Integrated Gradients with a tolerance estimates it.
  public let estimatedError: Double?
  /// The score at the input.
  public let score: Double
  /// The score at the baseline.
  public let baselineScore: Double?
  /// The sum of all attributions.
  public let attributionSum: Double
  /// The sum less the difference of the scores.
  public let completenessError: Double
  /// The same over the difference of the scores; absent where that is 0, and for methods whose
  /// attributions are not meant to add up.
  public let relativeCompletenessError: Double?
  /// Evaluations of the model and of its gradient.
  public let passes: Passes
  /// The seconds that it took.
  public let seconds: Double
  /// How pixels became numbers; absent where the input was no picture.
  public let preprocess: String?
  /// `float32` or `float64`.
  public let precision: String
  /// The version of this program.
  public let version: String
}

extension ExplanationReport {
  /// Writes every key, with null for what does not apply; `layer`, `omittedNode`, `baselines` and
  /// `estimatedError` only where there is one.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(model, forKey: .model)
    try container.encode(modelSHA256, forKey: .modelSHA256)
    try container.encode(input, forKey: .input)
    try container.encode(method, forKey: .method)
    try container.encode(target, forKey: .target)
    try container.encode(targetNames, forKey: .targetNames)
    try container.encodeIfPresent(layer, forKey: .layer)
    try container.encodeIfPresent(pathLayer, forKey: .pathLayer)
    try container.encodeIfPresent(omittedNode, forKey: .omittedNode)
    try container.encode(baseline, forKey: .baseline)
    try container.encode(quadrature, forKey: .quadrature)
    try container.encodeIfPresent(baselines, forKey: .baselines)
    try container.encode(steps, forKey: .steps)
    try container.encodeIfPresent(estimatedError, forKey: .estimatedError)
    try container.encode(score, forKey: .score)
    try container.encode(baselineScore, forKey: .baselineScore)
    try container.encode(attributionSum, forKey: .attributionSum)
    try container.encode(completenessError, forKey: .completenessError)
    try container.encode(relativeCompletenessError, forKey: .relativeCompletenessError)
    try container.encode(passes, forKey: .passes)
    try container.encode(seconds, forKey: .seconds)
    try container.encode(preprocess, forKey: .preprocess)
    try container.encode(precision, forKey: .precision)
    try container.encode(version, forKey: .version)
  }
}

/// The version of this program.
public let version = "0.1.0"

extension Explanation {
  /// The facts of this explanation of `input`, or of its row `row` where it holds several samples.
  public func report(
    of model: Model, digest: String, input: ModelInput, row: Int?, options: AttributionOptions,
    rule: PictureRule
  ) -> ExplanationReport {
    let relative = map.relativeCompletenessError
    let compares = method.readsBaseline
    let named = zip(baselineNames, map.baselines).map(NamedBaseline.init)
    return ExplanationReport(
      model: model.url.relativePath, modelSHA256: digest,
      input: row.map { "\(input.path)#\($0)" } ?? input.path, method: method.reportName,
      target: target, targetNames: [name] + otherNames, omittedNode: omittedNode,
      layer: method.attributedLayer ?? options.layer,
      pathLayer: method.attributedLayer == nil ? nil : options.layer,
      baseline: compares ? options.baselines.map(\.description).joined(separator: ",") : nil,
      baselines: named.isEmpty ? nil : named, quadrature: ruleName, steps: map.steps,
      estimatedError: map.estimatedError, score: map.score, baselineScore: map.baselineScore,
      attributionSum: map.sum, completenessError: map.completenessError,
      relativeCompletenessError: relative.isFinite && method.addsUp ? relative : nil,
      passes: map.passes,
      seconds: seconds, preprocess: input.preprocessing == nil ? nil : rule.name,
      precision: model.precision.rawValue, version: version)
  }

  /// The picture beside its explanation, as a PNG file.
  ///
  /// - Throws: `ModelError` if the attribution is not a picture of the input's size.
  public func picture(of input: ModelInput, options: AttributionOptions) throws -> [UInt8] {
    if let layer = method.attributedLayer {
      throw ModelError(
        "a map of layer '\(layer)' is no picture; leave png out of --format", kind: .usage)
    }
    guard let picture = input.picture, let preprocessing = input.preprocessing else {
      throw ModelError("the input is no picture; leave png out of --format", kind: .usage)
    }
    do throws(ReportError) {
      return try AttributionPicture(
        picture: picture, attribution: map.values, layout: preprocessing.layout,
        caption: caption(options)
      ).png()
    } catch {
      throw ModelError("\(error)", file: input.path)
    }
  }

  private func caption(_ options: AttributionOptions) -> AttributionPicture.Caption {
    let title =
      target.label ?? "class \(target.index)" + (target.comparedWith.map { " - class \($0)" } ?? "")
    let score = "\(target.space) \(Self.number(map.score))"
    let how = [
      method.title, measured,
      method.readsBaseline
        ? "baseline \(options.baselines.map(\.title).joined(separator: " and "))" : nil,
    ].compactMap(\.self).joined(separator: ", ")
    let error = map.relativeCompletenessError
    let completeness =
      error.isFinite ? Self.completeness(error) : "no completeness"
    return AttributionPicture.Caption(
      title: title,
      lines: !method.addsUp
        ? ["\(score)", how] : ["\(score), \(completeness)", how])
  }

  /// The rule of the integral; where it was found for each baseline, all of them.
  private var ruleName: String? {
    map.rules.isEmpty
      ? method.stepRuleName ?? method.integration?.ruleName
      : Set(map.rules).count == 1 ? map.rules[0] : map.rules.joined(separator: ",")
  }

  /// A relative completeness error in words; what is below 10⁻⁵ is rounding.
  public static func completeness(_ error: Double) -> String {
    switch error {
    case ..<1e-5: "completeness error < 0.001 %"
    case ..<9.995: "completeness error \(number(100 * error)) %"
    default: "completeness error \(number(error)) x the change of the score"
    }
  }

  /// The method with its settings, and what it took to reach a tolerance or to be exact.
  public var how: String { [method.words, measured].compactMap(\.self).joined(separator: ", ") }

  /// The steps where the method does not say them, the power that a pilot found, and the estimated error
  /// of the map.
  private var measured: String? {
    guard let steps = map.steps, let integration = method.integration else {
      return map.rules.isEmpty ? nil : ruleName.map(Method.words)
    }
    switch integration {
    case .steps, .secant: return nil
    case .piloted:
      let powers = map.rules.compactMap { rule in
        if case .warped(let power)? = Quadrature(rule) { Self.number(power) } else { nil }
      }
      return "power \(powers.joined(separator: ","))"
    case .automatic: return ruleName.map(Method.words)
    case .exact: return Self.count(steps, "piece")
    case .tolerance:
      let error = map.estimatedError.map { ", estimated error \(Self.number($0))" } ?? ""
      return Self.count(steps, "step") + error
    }
  }

  private static func number(_ value: Double) -> String {
    value.isNaN ? "nan" : String(format: "%.3g", value == 0 ? 0 : value)
  }

  private static func count(_ count: Int, _ thing: String) -> String {
    count == 1 ? "1 \(thing)" : "\(count) \(thing)s"
  }
}

/// What one of several baselines gave.
public struct NamedBaseline: Sendable, Codable {
  /// The baseline as named on the command line, or the file.
  public let baseline: String
  /// The score at the baseline.
  public let baselineScore: Double?
  /// The sum of the attributions from it.
  public let attributionSum: Double
  /// That sum less the difference of the scores.
  public let completenessError: Double

  init(_ name: String, _ result: BaselineResult) {
    baseline = name
    baselineScore = result.baselineScore
    attributionSum = result.attributionSum
    completenessError = result.completenessError
  }
}
