package dialect

// The OIDs of pg_type that resolution treats apart.
const (
	oidBool             = 16
	oidBytea            = 17
	oidInt8             = 20
	oidInt2             = 21
	oidInt4             = 23
	oidText             = 25
	oidTID              = 27
	oidFloat4           = 700
	oidFloat8           = 701
	oidUnknown          = 705
	oidBPChar           = 1042
	oidVarchar          = 1043
	oidDate             = 1082
	oidTime             = 1083
	oidTimestamp        = 1114
	oidTimestamptz      = 1184
	oidInterval         = 1186
	oidTimetz           = 1266
	oidBit              = 1560
	oidVarbit           = 1562
	oidNumeric          = 1700
	oidRecord           = 2249
	oidUUID             = 2950
	oidAny              = 2276
	oidAnyArray         = 2277
	oidAnyElement       = 2283
	oidAnyNonArray      = 2776
	oidAnyEnum          = 3500
	oidAnyCompatible    = 5077
	oidAnyCompatibleArr = 5078
	oidAnyCompatibleNon = 5079
)

// scalar is a type without a modifier.
func scalar(oid uint32) Type { return Type{OID: oid, Mod: -1} }

// numberType says whether values of the type are plain numbers.
func numberType(oid uint32) bool {
	switch oid {
	case oidInt2, oidInt4, oidInt8, oidNumeric, oidFloat4, oidFloat8:
		return true
	}
	return false
}
