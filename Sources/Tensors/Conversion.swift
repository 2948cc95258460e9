extension Tensor {
  /// The elements converted one by one.
  ///
  /// Floats round to nearest; floats become integers by truncation toward zero, saturating, NaN
  /// giving 0; integers become narrower ones modulo their range; Booleans are 0 and 1, and anything
  /// but 0 becomes true.
  ///
  /// - Precondition: the layout is row-major.
  public func converted(to target: ElementType) -> Tensor {
    precondition(layout == .rowMajor, "a \(layout) tensor converted")
    if target == elementType { return self }
    return switch elementType {
    case .float32: fromFloat(Float.self, to: target)
    case .float64: fromFloat(Double.self, to: target)
    case .float16: fromFloat(Float16.self, to: target)
    case .bfloat16: mapped(from: BFloat16.self) { $0.asFloat }.converted(to: target)
    case .int8: fromInteger(Int8.self, to: target)
    case .int16: fromInteger(Int16.self, to: target)
    case .int32: fromInteger(Int32.self, to: target)
    case .int64: fromInteger(Int64.self, to: target)
    case .uint8: fromInteger(UInt8.self, to: target)
    case .uint16: fromInteger(UInt16.self, to: target)
    case .uint32: fromInteger(UInt32.self, to: target)
    case .uint64: fromInteger(UInt64.self, to: target)
    case .bool: mapped(from: Bool.self) { $0 ? 1 as UInt8 : 0 }.converted(to: target)
    }
  }

  private func fromFloat<S: BinaryFloatingPoint & NumericElement>(
    _ source: S.Type, to target: ElementType
  ) -> Tensor {
    switch target {
    case .float32: mapped(from: S.self) { Float($0) }
    case .float64: mapped(from: S.self) { Double($0) }
    case .float16: mapped(from: S.self) { Float16($0) }
    case .bfloat16: mapped(from: S.self) { BFloat16(rounding: Float($0)) }
    case .int8: mapped(from: S.self) { Int8(converting: Double($0)) }
    case .int16: mapped(from: S.self) { Int16(converting: Double($0)) }
    case .int32: mapped(from: S.self) { Int32(converting: Double($0)) }
    case .int64: mapped(from: S.self) { Int64(converting: Double($0)) }
    case .uint8: mapped(from: S.self) { UInt8(converting: Double($0)) }
    case .uint16: mapped(from: S.self) { UInt16(converting: Double($0)) }
    case .uint32: mapped(from: S.self) { UInt32(converting: Double($0)) }
    case .uint64: mapped(from: S.self) { UInt64(converting: Double($0)) }
    case .bool: mapped(from: S.self) { $0 != 0 }
    }
  }

  private func fromInteger<S: FixedWidthInteger & NumericElement>(
    _ source: S.Type, to target: ElementType
  ) -> Tensor {
    switch target {
    case .float32: mapped(from: S.self) { Float($0) }
    case .float64: mapped(from: S.self) { Double($0) }
    case .float16: mapped(from: S.self) { Float16($0) }
    case .bfloat16: mapped(from: S.self) { BFloat16(rounding: Float($0)) }
    case .int8: mapped(from: S.self) { Int8(truncatingIfNeeded: $0) }
    case .int16: mapped(from: S.self) { Int16(truncatingIfNeeded: $0) }
    case .int32: mapped(from: S.self) { Int32(truncatingIfNeeded: $0) }
    case .int64: mapped(from: S.self) { Int64(truncatingIfNeeded: $0) }
    case .uint8: mapped(from: S.self) { UInt8(truncatingIfNeeded: $0) }
    case .uint16: mapped(from: S.self) { UInt16(truncatingIfNeeded: $0) }
    case .uint32: mapped(from: S.self) { UInt32(truncatingIfNeeded: $0) }
    case .uint64: mapped(from: S.self) { UInt64(truncatingIfNeeded: $0) }
    case .bool: mapped(from: S.self) { $0 != 0 }
    }
  }

  private func mapped<S: Element, T: Element>(from: S.Type, _ transform: (S) -> T) -> Tensor {
    withElements(as: S.self) { source in
      Tensor(T.self, shape: shape) { target in
        for index in source.indices {
          target.initializeElement(at: index, to: transform(source[index]))
        }
      }
    }
  }
}

extension BFloat16 {
  /// The nearest number, ties to even; a NaN stays one.
  public init(rounding value: Float) {
    guard !value.isNaN else {
      self.init(bitPattern: 0x7FC0)
      return
    }
    let bits = value.bitPattern
    self.init(bitPattern: UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16))
  }
}
