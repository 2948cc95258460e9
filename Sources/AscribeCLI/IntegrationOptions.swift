import ArgumentParser
import Ascribe
import Foundation

/// How `ig` integrates where its item does not say it, as options have it.
struct IntegrationOptions {
  let steps: Int?
  /// The name of a rule, with its power.
  let quadrature: String?
  let tolerance: Double?

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

  /// Refuses an option that none of the methods reads.
  func requireUse(by methods: [Method]) throws {
    guard let method = methods.first else { return }
    for (option, isMeant) in given
    where !methods.contains(where: { $0.integrationInside.map(isMeant) ?? false }) {
      if let other = methods.first(where: { $0.integrationInside != nil }) {
        throw ValidationError(
          "\(option) has no influence on '\(other)', which says itself how to integrate; leave one of "
            + "them out")
      }
      let item = Method.all.first { $0.name == method.name }?.item ?? method.name
      throw ValidationError(
        "\(option) goes with the methods ig and auto; "
          + (item == method.name
            ? "\(item) takes no settings" : "settings of others are part of their item, \(item)"))
    }
  }

  /// Refuses options that nothing reads since `auto` came to the X-gradient.
  ///
  /// - Parameters:
  ///   - used: the method that was used.
  ///   - others: further options that are given for Integrated Gradients only.
  func requireUse(by used: String, for asked: Method, others: [String] = []) throws {
    guard let option = (given.map(\.option) + others).first, asked.name == Method.auto.name,
      used == Method.xGradient.name
    else { return }
    throw ModelError(
      "\(option) has no influence here: auto comes to xg for this model and baseline, which takes one "
        + "gradient; leave it out, or take ig", kind: .usage)
  }

  /// The options that are given, and whether an integration is what each asks for.
  private var given: [(option: String, isMeant: (Integration) -> Bool)] {
    var given: [(String, (Integration) -> Bool)] = []
    if let steps {
      given.append(
        ("--steps", { $0.count == steps }))
    }
    if let quadrature {
      let rule = Integration(1, rule: Self.spelled(quadrature))
      given.append(
        (
          "--quadrature",
          {
            switch $0 {
            case .steps(_, let other): .steps(1, other) == rule
            case .piloted: .piloted(1) == rule
            case .secant: .secant(1) == rule
            case .exact: quadrature == "exact"
            case .automatic: false
            case .tolerance: false
            }
          }
        ))
    }
    if let tolerance { given.append(("--tolerance", { $0 == .tolerance(tolerance) })) }
    return given
  }

  private func integration() throws -> Integration {
    if let tolerance {
      guard steps == nil, quadrature == nil else {
        throw ValidationError("--tolerance stands alone, without --steps and --quadrature")
      }
      guard Integration.tolerances.contains(tolerance) else {
        throw ValidationError(
          "--tolerance must be between \(Integration.tolerances.lowerBound) and "
            + "\(Integration.tolerances.upperBound)")
      }
      return .tolerance(tolerance)
    }
    if quadrature == "exact" {
      guard steps == nil else {
        throw ValidationError("--quadrature exact takes as many steps as the path has pieces")
      }
      return .exact
    }
    let steps = steps ?? Integration.defaultCount
    guard (1...Integration.largestStepCount).contains(steps) else {
      throw ValidationError("--steps must be between 1 and \(Integration.largestStepCount)")
    }
    guard let quadrature else { return .automatic(steps) }
    guard let integration = Integration(steps, rule: Self.spelled(quadrature)) else {
      throw ValidationError(
        "--quadrature '\(quadrature)' is not one of warped[:POWER], midpoint, gauss-legendre, "
          + "left, right, trapezoid, secant, exact; POWER is between 1 and 16")
    }
    return integration
  }

  /// A rule whose power may be named as in an item: `warped:power=3`.
  private static func spelled(_ name: String) -> String {
    name.replacing("warped:power=", with: "warped:")
  }
}

/// What `--baseline` says.
enum BaselineText {
  /// The baselines that a list with commas names.
  static func baselines(_ list: String) throws -> [Baseline] {
    let names = list.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    let baselines = try names.map { name in
      guard !name.isEmpty else {
        throw ValidationError("--baseline '\(list)' has an empty item")
      }
      guard let baseline = Baseline(name) else {
        let kind = name.prefix { $0 != ":" }
        throw ValidationError(
          "--baseline '\(name)': \(kind):SEED takes a whole number from 0 on, as in \(kind):1")
      }
      return baseline
    }
    guard Set(baselines).count == baselines.count else {
      throw ValidationError("--baseline '\(list)' names one baseline twice")
    }
    return baselines
  }

  /// The only baseline of a text.
  static func baseline(_ text: String) throws -> Baseline {
    let baselines = try baselines(text)
    guard let baseline = baselines.first, baselines.count == 1 else {
      throw ValidationError("--baseline takes one baseline here")
    }
    return baseline
  }

  /// Refuses a baseline that no method reads.
  static func requireUse(by methods: [Method]) throws {
    guard let method = methods.first, !methods.contains(where: \.readsBaseline) else { return }
    throw ValidationError(
      "--baseline has no influence on '\(method.name)', which compares with nothing; leave it out, or "
        + "take ig")
  }
}

/// What `--labels` says of scores and targets.
enum LabelText {
  /// The names of the scores of a target space, those of the first output only.
  ///
  /// - Parameter path: the file that the option names, where it is given.
  /// - Throws: `ModelError` if the file names no scores of this space.
  static func names(_ labels: [String], of model: Model, in space: TargetSpace, path: String?)
    throws
    -> [String]
  {
    let names = model.classNames(labels, in: space)
    guard path == nil || !names.isEmpty || labels.isEmpty else {
      throw ModelError(
        "--labels names the scores of the model's first output, and --target-space reads others; leave it "
          + "out", kind: .usage)
    }
    return names
  }

  /// Whether a target is no label whatever the labels are.
  static func needsNone(_ target: String) -> Bool { target == "argmax" || Int(target) != nil }

  /// The refusal of labels beside such a target.
  static func unread(_ target: String) -> ValidationError {
    ValidationError(
      "--labels has no influence on target '\(target)', which is no label; leave it out")
  }
}
