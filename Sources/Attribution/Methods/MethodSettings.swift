package import Graphs

/// What a method falls back on where its item says nothing.
public struct MethodDefaults: Sendable, Hashable {
  /// How Integrated Gradients integrate.
  public var integration = Integration.automatic(Integration.defaultCount)
  /// Whether the X-gradient gives way to input times gradient on a model that is not homogeneous; it is
  /// an error otherwise.
  public var fallsBack = false

  /// The defaults of the command line.
  public init() {}

  /// The defaults of the command line but for the integration.
  public init(_ integration: Integration) { self.integration = integration }
}

/// The settings of a method's item, taken out one by one; what nobody has taken is refused.
///
/// An item is `NAME`, `NAME:COUNT` or `NAME:COUNT:KEY=VALUE:...`; the value of `layer` and `of` is all
/// that follows, and that of `quadrature` may be `RULE:POWER`.
package struct MethodSettings {
  package let defaults: MethodDefaults

  let name: String
  private let text: String
  private var count: Int?
  private var values: [String: String] = [:]

  /// The keys whose value may hold colons.
  private static let greedyKeys: Set<String> = ["layer", "of"]

  init(_ text: String, defaults: MethodDefaults) throws(ModelError) {
    self.text = text
    self.defaults = defaults
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    name = parts[0]
    for (index, part) in parts.enumerated().dropFirst() {
      let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
      if let key = pair.first, pair.count == 2, values[key] == nil {
        guard !Self.greedyKeys.contains(key) else {
          values[key] = ([pair[1]] + parts[(index + 1)...]).joined(separator: ":")
          return
        }
        values[key] = pair[1]
        continue
      }
      if let rule = values["quadrature"], index > 1, parts[index - 1] == "quadrature=\(rule)" {
        // A rule has its power behind a colon, as in --quadrature.
        values["quadrature"] = "\(rule):\(part)"
        continue
      }
      guard count == nil, values.isEmpty, let number = Int(part), number > 0 else {
        throw ModelError(
          "method '\(text)': '\(part)' is neither a count from 1 on nor a setting NAME=VALUE",
          kind: .usage)
      }
      count = number
    }
  }

  /// The count behind the name.
  package mutating func count(in range: ClosedRange<Int>) throws(ModelError) -> Int? {
    guard let count else { return nil }
    guard range.contains(count) else {
      throw error("takes a count between \(range.lowerBound) and \(range.upperBound)")
    }
    self.count = nil
    return count
  }

  /// The value of a setting.
  package mutating func string(_ key: String) -> String? { values.removeValue(forKey: key) }

  /// The whole number of a setting.
  package mutating func int(_ key: String, in range: ClosedRange<Int>) throws(ModelError) -> Int? {
    guard let text = string(key) else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw error(
        "\(key) is a whole number between \(range.lowerBound) and \(range.upperBound), not '\(text)'"
      )
    }
    return number
  }

  /// The number of a setting.
  package mutating func number(
    _ key: String, in range: ClosedRange<Double>
  ) throws(ModelError) -> Double? {
    guard let text = string(key) else { return nil }
    guard let number = Double(text), range.contains(number) else {
      throw error(
        "\(key) is a number between \(range.lowerBound) and \(range.upperBound), not '\(text)'")
    }
    return number
  }

  /// Refuses what nobody has taken.
  ///
  /// - Parameter item: the name with all settings, as the help has it.
  func requireEmpty(_ item: String) throws(ModelError) {
    if let key = values.keys.sorted().first {
      throw error("there is no setting '\(key)'; it is \(item)")
    }
    guard count == nil else { throw error("takes no number; it is \(item)") }
  }

  /// An error about this item.
  package func error(_ reason: String) -> ModelError {
    ModelError("method '\(text)': \(reason)", kind: .usage)
  }
}
